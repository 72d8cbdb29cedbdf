"""How far a listener has come, so that it can go on from there. Source: wire.md §5.6, §5.7."""

import os
from pathlib import Path
from typing import Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tallystick.client.errors import ClientError


class CheckpointError(ClientError):
    """A checkpoint file holds something else."""


class Checkpoint(BaseModel):
    """The place after the last event that was dealt with.

    Attributes:
        block_number: The block to go on with.
        transaction_id: The last transaction of that block whose event was dealt with. Empty to
            begin with the block's first. It must be one whose event was received: a peer that
            looks for any other passes over every event from there on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    block_number: int = Field(ge=0)
    transaction_id: str = ""

    @classmethod
    def after_block(cls, block_number: int) -> Self:
        """Return the place after a whole block."""
        return cls(block_number=block_number + 1)


class Checkpointer(Protocol):
    """Where a checkpoint is kept."""

    def load(self) -> Checkpoint | None:
        """Return the checkpoint saved last, or None before the first."""

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep ``checkpoint`` instead of the one before."""


class InMemoryCheckpointer:
    """Keeps a checkpoint as long as the process lives: enough to reopen a stream that broke."""

    def __init__(self, checkpoint: Checkpoint | None = None) -> None:
        self._checkpoint = checkpoint

    def load(self) -> Checkpoint | None:
        """Return the checkpoint saved last."""
        return self._checkpoint

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep ``checkpoint``."""
        self._checkpoint = checkpoint


class FileCheckpointer:
    """Keeps a checkpoint in a file, which at any moment holds all of the old one or all of the new.

    ``save`` waits for the disk. A listener for which those milliseconds count can call it through
    ``asyncio.to_thread``, one call after the other.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Checkpoint | None:
        """Return the checkpoint in the file, or None when there is no file.

        Raises:
            CheckpointError: The file holds something else.
        """
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return Checkpoint.model_validate_json(content)
        except ValidationError as error:
            raise CheckpointError(
                f"{self._path} holds no checkpoint: delete it to begin anew, or name another file"
            ) from error

    def save(self, checkpoint: Checkpoint) -> None:
        """Replace the file; return when the disk has it."""
        draft = self._path.with_name(f"{self._path.name}.new")
        with draft.open("wb") as file:
            file.write(checkpoint.model_dump_json().encode())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        self._sync_directory()  # or the replacement itself may be lost with the power

    def _sync_directory(self) -> None:
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
