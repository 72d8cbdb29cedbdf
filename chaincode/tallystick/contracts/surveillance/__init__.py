"""Surveillance: from the order to its settlement, what is odd about it, and who is barred."""
