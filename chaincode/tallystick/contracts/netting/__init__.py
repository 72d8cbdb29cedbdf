"""Netting: many trades among many members become one net position for each, settled at once."""
