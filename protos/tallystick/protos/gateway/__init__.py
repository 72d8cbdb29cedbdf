"""The gateway service, through which client applications reach a peer."""
