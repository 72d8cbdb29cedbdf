"""Orders on the ledger: signed, committed over all venues, and what is under way at one of them.

A venue's book is its own and need not be here. What is here binds: an order that an intermediary
signs, units that are committed to one venue and not to another, trades that are not settled.
"""
