"""What a transaction tells in public, as a block has it: whatever a peer that is no member gets."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import product
from unittest.mock import patch

from tallystick.chaincode import composite_key
from tallystick.chaincode.testing.stub import MemoryStub
from tallystick.chaincode.testing.world import MemoryTransaction

Place = tuple[str, str, bytes]
"""Chaincode, collection or nothing, and a key: of a collection's key, its SHA-256."""


@dataclass(slots=True)
class Told:
    """The public parts of transactions.

    Attributes:
        places: All that was read or written.
        deleted: Of them what is there no more. A block says so, of private keys too.
        text: Arguments, results, events, keys, values, and hashes of private ones.
    """

    places: set[Place] = field(default_factory=set)
    deleted: set[Place] = field(default_factory=set)
    text: bytearray = field(default_factory=bytearray)

    def add(self, chaincode: str, collection: str, key: str) -> None:
        """Note that a key was read or written."""
        place = _place(chaincode, collection, key)
        self.places.add(place)
        self.say(place[2])

    def write(self, chaincode: str, collection: str, key: str, value: bytes | None) -> None:
        """Note that a key was written, or deleted; of a private value the hash is told."""
        self.add(chaincode, collection, key)
        if value is None:
            self.deleted.add(_place(chaincode, collection, key))
        else:
            self.say(sha256(value).digest() if collection else value)

    def say(self, *words: bytes) -> None:
        """Note what else is public."""
        for each in words:
            self.text += each + b"\n"

    def tells(self, words: list[str]) -> list[str]:
        """Return those words that are told, in plain text or by a hash that one can try."""
        return [word for word in words if any(guess in self.text for guess in guesses(word))]

    def guessed(self, kinds: list[str], words: list[str]) -> list[tuple[str, ...]]:
        """Return the keys of up to three of the words whose hashes are told."""
        told = {key for _, collection, key in self.places if collection}
        named = [
            (kind, *parts)
            for kind in kinds
            for number in range(1, 4)
            for parts in product(words, repeat=number)
        ]
        return [each for each in named if sha256(_key(each)).digest() in told]


def guesses(word: str) -> Iterator[bytes]:
    """Yield what a word looks like in plain text, and hashed without a salt."""
    yield word.encode()
    digest = sha256(word.encode())
    yield digest.digest()
    yield digest.hexdigest().encode()


def _place(chaincode: str, collection: str, key: str) -> Place:
    return chaincode, collection, sha256(key.encode()).digest() if collection else key.encode()


def _key(named: tuple[str, ...]) -> bytes:
    return composite_key(*named).encode()


@contextmanager
def listening() -> Iterator[Told]:
    """Yield what the transactions inside the block tell in public.

    The ledger runs each of them twice, which reads the same twice; and commits it once.
    """
    told = Told()
    commit = MemoryTransaction.commit

    def committed(transaction: MemoryTransaction) -> None:
        for chaincode, writes in transaction.writes.items():
            for key, value in writes.values.items():
                told.write(chaincode, "", key, value)
            for (collection, key), private in writes.private.items():
                told.write(chaincode, collection, key, private)
        commit(transaction)

    with ExitStack() as patches:
        for name, note in _NOTES.items():
            patches.enter_context(patch.object(MemoryStub, name, _heard(name, note, told)))
        patches.enter_context(patch.object(MemoryTransaction, "commit", committed))
        yield told


Note = Callable[[Told, str, tuple[str, ...]], None]


def _note_read(told: Told, chaincode: str, arguments: tuple[str, ...]) -> None:
    told.add(chaincode, "", arguments[0])


def _note_private(told: Told, chaincode: str, arguments: tuple[str, ...]) -> None:
    told.add(chaincode, *arguments)


def _note_words(told: Told, _: str, arguments: tuple[str | bytes, ...]) -> None:
    told.say(*(each.encode() if isinstance(each, str) else each for each in arguments))


_NOTES: Mapping[str, Note] = {
    "get_state": _note_read,
    "get_private_data": _note_private,
    "get_private_data_hash": _note_private,
    "get_state_range": _note_words,
    "set_event": _note_words,
}


def _heard(name: str, note: Note, told: Told) -> Callable[..., object]:
    """Return a method of the stub that notes what it is asked, then does it."""
    original: Callable[..., object] = getattr(MemoryStub, name)

    def method(stub: MemoryStub, *arguments: str) -> object:
        note(told, stub._chaincode, arguments)
        return original(stub, *arguments)

    return method
