"""Copies of a node that runs, and nodes made from them."""
