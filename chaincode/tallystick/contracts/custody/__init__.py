"""Custody by allowance: custodians, their clients, their insurance, and delivery to clients.

The register knows nothing of it. A client is the holder, with votes and dividends; a custodian
draws what the client allows. Nor does anything here hold units: a report says how they are held.
"""
