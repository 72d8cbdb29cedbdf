"""What a ledger snapshot says about itself, in two JSON files that are Fabric's to the byte.

The first names the channel, the last block and the hash of every other file, so its own hash stands
for the whole snapshot: peers at one height get the same one. The second has that hash, and the
commit hash of the last block. Source: wire.md §13; hyperledger/fabric
core/ledger/kvledger/snapshot.go.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tallystick.node.ledger.snapshot_file import SnapshotDamagedError, check_hash, file_hash
from tallystick.node.ledger.stoppable import never_stop
from tallystick.wire.hashing import sha256

SIGNABLE: Final = "_snapshot_signable_metadata.json"
ADDITIONAL: Final = "_snapshot_additional_metadata.json"

PUBLIC_STATE: Final = "public_state"
PRIVATE_HASHES: Final = "private_state_hashes"
TRANSACTION_IDS: Final = "txids"
COLLECTION_HISTORY: Final = "confighistory"
KINDS: Final = (PUBLIC_STATE, PRIVATE_HASHES, TRANSACTION_IDS, COLLECTION_HISTORY)

_KEY_VALUE_STATE: Final = "SimpleKeyValueDB"
_INDENT: Final = 4
_MAX_METADATA_BYTES: Final = 64 * 1024

_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_OptionalHash = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotMetadata:
    """What a snapshot is of.

    Attributes:
        channel_id: The channel.
        last_block: Number of the last block whose outcome is in it.
        block_hash: Header hash of that block.
        previous_hash: Header hash of the one before; empty if there is none.
        commit_hash: Of that block; empty if the chain of commit hashes has not begun.
        file_hashes: SHA-256 of every file in hex, by name.
    """

    channel_id: str
    last_block: int
    block_hash: bytes
    previous_hash: bytes
    commit_hash: bytes
    file_hashes: Mapping[str, str]

    def signable(self) -> bytes:
        """Return the content of the first file."""
        return _json(
            {
                "channel_name": self.channel_id,
                "last_block_number": self.last_block,
                "last_block_hash": self.block_hash.hex(),
                "previous_block_hash": self.previous_hash.hex(),
                "snapshot_files_raw_hashes": dict(sorted(self.file_hashes.items())),
                "state_db_type": _KEY_VALUE_STATE,
            }
        )

    def additional(self) -> bytes:
        """Return the content of the second file."""
        return _json(
            {
                "snapshot_hash": sha256(self.signable()).hex(),
                "last_block_commit_hash": self.commit_hash.hex(),
            }
        )


class _Signable(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    channel_name: str
    last_block_number: Annotated[int, Field(ge=0, lt=2**63)]
    last_block_hash: _Hash
    previous_block_hash: _OptionalHash
    snapshot_files_raw_hashes: dict[str, _Hash]
    state_db_type: str


class _Additional(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    snapshot_hash: _Hash
    last_block_commit_hash: _OptionalHash


def data_file(kind: str) -> str:
    """Return the name of the file with the data of one kind."""
    return f"{kind}.data"


def metadata_file(kind: str) -> str:
    """Return the name of the file that counts them."""
    return f"{kind}.metadata"


def read_metadata(directory: Path) -> SnapshotMetadata:
    """Return what the snapshot in ``directory`` says it is, once its two JSON files agree.

    Raises:
        SnapshotDamagedError: It has no such files, or they do not fit each other, or they name
            files that no snapshot has.
    """
    signable_bytes = _read(directory / SIGNABLE)
    try:
        signable = _Signable.model_validate_json(signable_bytes)
        additional = _Additional.model_validate_json(_read(directory / ADDITIONAL))
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise SnapshotDamagedError(
            directory, f"its metadata cannot be used ({where}: {problem['msg']})"
        ) from error
    check_hash(directory / SIGNABLE, sha256(signable_bytes).hex(), additional.snapshot_hash)
    if signable.state_db_type != _KEY_VALUE_STATE:
        raise SnapshotDamagedError(
            directory,
            f"it is of a peer with {signable.state_db_type}, which does not keep values as they "
            "were written; a peer with goleveldb makes one that can be used",
        )
    hashes = signable.snapshot_files_raw_hashes
    pairs = [{data_file(kind), metadata_file(kind)} for kind in KINDS]
    if hashes.keys() - set().union(*pairs) or any(len(pair & hashes.keys()) == 1 for pair in pairs):
        raise SnapshotDamagedError(directory, f"it names the files {', '.join(sorted(hashes))}")
    return SnapshotMetadata(
        channel_id=signable.channel_name,
        last_block=signable.last_block_number,
        block_hash=bytes.fromhex(signable.last_block_hash),
        previous_hash=bytes.fromhex(signable.previous_block_hash),
        commit_hash=bytes.fromhex(additional.last_block_commit_hash),
        file_hashes=hashes,
    )


def verify_files(
    directory: Path, metadata: SnapshotMetadata, check_stop: Callable[[], None] = never_stop
) -> None:
    """Check every file of a snapshot against the hash in its metadata.

    ``check_stop`` is called at every part of a file; what it raises ends the work.

    Raises:
        SnapshotDamagedError: One is missing or differs.
    """
    for name, expected in sorted(metadata.file_hashes.items()):
        check_hash(directory / name, file_hash(directory / name, check_stop), expected)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_METADATA_BYTES + 1)
    except OSError as error:
        raise SnapshotDamagedError(path, f"cannot be read ({error.strerror})") from error
    if len(content) > _MAX_METADATA_BYTES:
        raise SnapshotDamagedError(path, "is too long to be what it should be")
    return content


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, indent=_INDENT).encode()
