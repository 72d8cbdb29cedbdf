"""The chaincode of the register: who holds which security, and by what rules it moves."""

from tallystick.contracts.token.contract import TokenContract

__all__ = ["TokenContract"]
