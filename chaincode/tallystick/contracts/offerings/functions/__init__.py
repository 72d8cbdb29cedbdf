"""Offerings, as callers of the settlement contract see them."""
