"""A whole network on one machine.

``topology`` says what it consists of, ``network`` lays it out on disk, ``launcher`` runs its
processes, ``deployment`` brings the chaincodes onto its channel, and ``startup`` does all of that.
"""
