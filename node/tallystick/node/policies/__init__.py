"""Policies: who must have signed for something to be allowed.

A signature policy is a tree of gates over principals; an implicit meta policy counts the policies
of the groups below it. Signatures are verified first; evaluation itself needs no cryptography.

Source: wire.md §14.1-14.3.
"""
