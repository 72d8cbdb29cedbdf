"""Messages and services of the peer: proposals, transactions, events and the chaincode shim."""
