"""Organisations and their licences: who may do what, and who may not do two things at once."""
