"""Delivers blocks in order, from whoever has them to whoever may read them.

``service`` answers requests (``seek`` says which blocks, ``access`` whether, ``responses`` in which
form) from a ``source`` that ``height`` keeps up to date. ``puller`` is the other end: it follows an
orderer (``requests`` says what it asks), lets through what ``verification`` finds good, and leaves
one that lacks what ``witnesses`` have. ``ranges`` fetches from several when much is missing, and
``read_ahead`` lets blocks be prepared before their turn.
"""
