"""The register of holders: the only place where ownership is stored.

Whoever holds units holds them here, whatever is locked, frozen, or in somebody's custody.
"""
