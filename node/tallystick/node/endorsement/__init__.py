"""Endorsement: checking a proposal, running what it calls, and signing the outcome.

``proposal`` reads a signed proposal once, ``endorser`` runs the checks in Fabric's order and
decides what is signed, ``response`` builds the signed bytes, and ``interest`` tells gateways which
policies the transaction meets.
"""
