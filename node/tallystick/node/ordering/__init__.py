"""Puts envelopes into one order that all peers follow.

``service`` takes envelopes in, ``admission`` says which may pass, a ``chain`` orders them (``solo``
on one node), ``block_cutter`` groups them, and ``block_writer`` numbers, links, signs and stores.
"""
