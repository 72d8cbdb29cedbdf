"""What a client sends along for a contract function that does not become part of the ledger."""

from collections.abc import Iterator, Mapping

from tallystick.chaincode.errors import TransientMissingError


class TransientData(Mapping[str, bytes]):
    """The transient data of one call, the same wherever the contract runs. It cannot be changed.

    Subscribing it with a name that the client did not send raises TransientMissingError.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, bytes]) -> None:
        # A copy: a map of protobuf invents the values that it does not have.
        self._values = dict(values)

    def __getitem__(self, name: str) -> bytes:
        value = self._values.get(name)
        if value is None:
            raise TransientMissingError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        # Values are secret, and a failing contract shows what it holds.
        return f"TransientData({', '.join(sorted(self._values))})"
