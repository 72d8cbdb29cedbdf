"""Listings: which security is traded at which venue, after whose look at it."""
