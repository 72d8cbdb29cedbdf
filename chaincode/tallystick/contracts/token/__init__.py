"""The register of securities: the only place where ownership is stored.

Whoever holds units holds them here, whatever is locked, frozen, or in somebody's custody.
"""

from tallystick.contracts.token.contract import TokenContract

__all__ = ["TokenContract"]
