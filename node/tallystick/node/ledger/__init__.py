"""The ledger of one channel: blocks, the state they lead to, and the stores that keep both.

The block store is the truth. State, history and the index of transactions are views of it, kept in
one ordered key-value store, and can be rebuilt from the blocks at any time. Only private values
are not in the blocks, which hold their hashes.
"""
