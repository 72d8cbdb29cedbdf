"""The byte rules that a ``.proto`` file cannot say.

What is hashed and in which encoding, what is signed and which signatures count, how a transaction
id comes about, and which message is nested in which to make a proposal or a transaction. All of it
is pure: nonces, times and keys are arguments. Source: wire.md §2, §3, §11.
"""
