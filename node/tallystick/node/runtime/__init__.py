"""Where chaincode runs: packages that are installed, and the runtimes that execute them.

A runtime is a port: given the id of an installed package and an invocation, it answers a response.
What the chaincode reads and writes goes through the invocation's simulator.
"""
