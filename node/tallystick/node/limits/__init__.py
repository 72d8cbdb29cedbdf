"""How much a node takes on: from one client, and from all of them at once.

Whoever is refused here has cost next to nothing, and is told when to come again.
"""
