"""Measurements of a whole cluster: separate processes, TLS on, driven from a process of its own."""
