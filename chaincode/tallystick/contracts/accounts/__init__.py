"""Which brokerage account belongs to which identity: links that a wallet makes by a challenge."""
