"""What rows have in common, public or private: who may write them, and rules of their own."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from tallystick.chaincode.endorsement import (
    VALIDATION_PARAMETER,
    Rule,
    encode_rule,
    rule_in,
)
from tallystick.chaincode.errors import WriteInQueryError
from tallystick.chaincode.keys import check_key
from tallystick.chaincode.stub import ChaincodeStub


class OwnRows(ABC):
    """The rows of a chaincode that one call reads and writes through ``stub``."""

    __slots__ = ("_read_only", "_rules", "_stub")

    def __init__(self, stub: ChaincodeStub, *, read_only: bool) -> None:
        self._stub = stub
        self._read_only = read_only
        self._rules: dict[str, bytes] = {}  # empty clears

    def set_endorsement(self, key: str, rule: Rule) -> None:
        """Let ``rule`` decide who must endorse later changes of ``key``, and of this rule.

        It takes the place of the rule of chaincode or collection for this key and stays until it is
        changed, cleared, or the key is deleted. This transaction still answers to what is in force
        now. Where there is no such key the ledger drops the rule in silence.

        Args:
            key: The key, which exists or is written by this call.
            rule: ``"AND('A.peer', 'B.peer')"``, or MSP ids of which a peer each must endorse.

        Raises:
            InvalidEndorsementRuleError: The rule cannot be read, or names nobody.
            InvalidKeyError: ``key`` cannot be stored.
        """
        self._check_writable("set_endorsement", key)
        self._rules[key] = encode_rule(rule)

    def clear_endorsement(self, key: str) -> None:
        """Give ``key`` back to the rule of chaincode or collection, as its present rule allows."""
        self._check_writable("clear_endorsement", key)
        self._rules[key] = b""

    def endorsement_of(self, key: str) -> str | None:
        """Return the rule that ``key`` has of its own, in the policy language, or None.

        It counts as a read of the key.

        Raises:
            InvalidEndorsementRuleError: Another chaincode library gave it a rule without a meaning.
        """
        if key in self._rules:
            return rule_in({VALIDATION_PARAMETER: self._rules[key]})
        check_key(key)
        return rule_in(self._metadata_of(key))

    @abstractmethod
    def _metadata_of(self, key: str) -> Mapping[str, bytes]:
        """Return the committed metadata of a key."""

    def _check_writable(self, operation: str, key: str) -> None:
        if self._read_only:
            raise WriteInQueryError(f"{operation}({key!r})")
        check_key(key)
