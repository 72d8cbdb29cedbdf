"""Who somebody is on the ledger: identities, their keys, claims about them, mandates they gave.

Other contracts ask one question in one call, ``check_parties``: do these parties fulfil these
requirements, and does this signature or mandate count?
"""

from tallystick.contracts.identity.contract import IdentityContract

__all__ = ["IdentityContract"]
