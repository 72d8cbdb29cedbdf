"""The chaincode of organisations and identities: licences, keys, claims, mandates, accounts.

Other contracts ask one question in one call, ``check_parties``: do these parties fulfil these
requirements, does this signature or mandate count, and are these organisations licensed?
"""

from tallystick.contracts.identity.contract import IdentityContract

__all__ = ["IdentityContract"]
