"""Turns batches into numbered, linked, signed and durable blocks. Source: wire.md §7.3, §11."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from tallystick.protos.common.common_pb2 import (
    SIGNATURES,
    Block,
    BlockData,
    BlockHeader,
    BlockMetadata,
    LastConfig,
    Metadata,
    MetadataSignature,
    OrdererBlockMetadata,
    SignatureHeader,
)
from tallystick.wire.hashing import block_data_hash, block_header_bytes
from tallystick.wire.signing import Signer

METADATA_SLOTS = 5


class BlockStore(Protocol):
    """Where blocks become durable."""

    @property
    def height(self) -> int:
        """How many blocks there are."""

    @property
    def last_hash(self) -> bytes:
        """Header hash of the last block; empty without one."""

    def append(self, block: Block) -> None:
        """Write the next block; ``sync`` makes it durable."""

    def sync(self) -> None:
        """Make everything appended durable; blocks, and may be called in another thread."""

    def read(self, number: int) -> Block:
        """Return a block."""


class BlockWriter:
    """The only writer of one chain.

    Each block is signed together with the number of the channel's last config block, by which
    readers find the configuration that the block was made under.
    """

    def __init__(
        self, store: BlockStore, signer: Signer, *, new_nonce: Callable[[], bytes]
    ) -> None:
        """Continue the chain in ``store``, which holds the genesis block at least."""
        assert store.height > 0, "a chain begins with its genesis block"
        self._store = store
        self._signer = signer
        self._new_nonce = new_nonce
        self._last_config = last_config_index(store.read(store.height - 1))

    @property
    def height(self) -> int:
        """How many blocks there are."""
        return self._store.height

    @property
    def last_hash(self) -> bytes:
        """Header hash of the last block."""
        return self._store.last_hash

    @property
    def last_config(self) -> int:
        """Number of the most recent config block."""
        return self._last_config

    async def write(self, envelopes: Sequence[bytes]) -> Block:
        """Return the next block, which holds ``envelopes`` and is durable.

        Raises:
            SigningFailedError: The orderer's key did not sign. The chain is as it was.
        """
        return await self._write(envelopes, self._last_config)

    async def write_config(self, envelope: bytes) -> Block:
        """Return the next block, durable and a config block: the one that readers find from now on.

        Args:
            envelope: An envelope of type CONFIG, which travels alone.

        Raises:
            SigningFailedError: The orderer's key did not sign. The chain is as it was.
        """
        return await self._write([envelope], self._store.height)

    async def _write(self, envelopes: Sequence[bytes], last_config: int) -> Block:
        block = self._next_block(envelopes, last_config)
        self._store.append(block)
        self._last_config = last_config
        await asyncio.to_thread(self._store.sync)
        return block

    def _next_block(self, envelopes: Sequence[bytes], last_config: int) -> Block:
        header = BlockHeader(
            number=self._store.height,
            previous_hash=self._store.last_hash,
            data_hash=block_data_hash(envelopes),
        )
        return Block(
            header=header,
            data=BlockData(data=envelopes),
            metadata=BlockMetadata(metadata=self._metadata(header, last_config)),
        )

    def _metadata(self, header: BlockHeader, last_config: int) -> list[bytes]:
        index = LastConfig(index=last_config)
        value = OrdererBlockMetadata(last_config=index).SerializeToString()
        signature_header = SignatureHeader(
            creator=self._signer.identity, nonce=self._new_nonce()
        ).SerializeToString()
        header_bytes = block_header_bytes(header.number, header.previous_hash, header.data_hash)
        signed = Metadata(
            value=value,
            signatures=[
                MetadataSignature(
                    signature_header=signature_header,
                    signature=self._signer.sign(value + signature_header + header_bytes),
                )
            ],
        )
        # The second slot is where the index used to be; tools that read only there still exist.
        legacy = Metadata(value=index.SerializeToString())
        slots = [signed.SerializeToString(), legacy.SerializeToString()]
        return slots + [b""] * (METADATA_SLOTS - len(slots))


def last_config_index(block: Block) -> int:
    """Return the number of the config block in force after ``block``, which may be itself."""
    metadata = Metadata.FromString(block.metadata.metadata[SIGNATURES])
    return OrdererBlockMetadata.FromString(metadata.value).last_config.index
