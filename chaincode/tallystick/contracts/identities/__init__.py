"""Who somebody is on the ledger: identities, their keys and wallets, whom they let act or read."""
