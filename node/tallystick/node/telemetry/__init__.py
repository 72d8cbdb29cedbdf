"""Traces: which way one transaction took through the nodes, and where it spent its time."""
