"""Looks at ledgers on disk while their node does not run: are they what they should be, and if not?

``folder`` says what lies where and keeps others away, ``verify`` and ``compare`` judge, ``rebuild``
makes the views anew, ``export`` writes blocks and state in forms that other programs read. Nothing
but ``rebuild`` changes a ledger.
"""
