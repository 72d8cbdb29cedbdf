"""Rows that a query returns to chaincode."""
