"""Numbered, linked, signed blocks: wire.md §7.3, §11."""

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from tests.unit.conftest import ChannelMaterial
from tests.unit.reluctant_signer import ReluctantSigner

from tallystick.node.ledger.block_store import BlockStore
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.membership.errors import SigningFailedError
from tallystick.node.ordering.block_writer import BlockWriter, last_config_index
from tallystick.protos.common.common_pb2 import (
    LAST_CONFIG,
    SIGNATURES,
    Block,
    Metadata,
    OrdererBlockMetadata,
    SignatureHeader,
)
from tallystick.wire.hashing import block_data_hash, block_header_bytes, block_header_hash


@pytest.fixture
def store(tmp_path: Path, channel_material: ChannelMaterial) -> Iterator[BlockStore]:
    with closing(BlockStore(tmp_path, MemoryStore())) as opened:
        opened.append(channel_material.genesis())
        opened.sync()
        yield opened


@pytest.fixture
def writer(store: BlockStore, channel_material: ChannelMaterial) -> BlockWriter:
    nonces = count(1)
    return BlockWriter(
        store, channel_material.orderer, new_nonce=lambda: next(nonces).to_bytes(24, "big")
    )


async def test_a_block_continues_the_chain_and_is_stored(
    store: BlockStore, writer: BlockWriter
) -> None:  # §11
    genesis = store.read(0)
    block = await writer.write([b"a", b"b"])
    assert block.header.number == 1
    assert block.header.previous_hash == block_header_hash(genesis.header)
    assert block.header.data_hash == block_data_hash([b"a", b"b"])
    assert store.height == writer.height == 2
    assert store.read(1) == block


async def test_the_first_slot_holds_the_last_config_and_a_signature_over_it_and_the_header(
    writer: BlockWriter, channel_material: ChannelMaterial
) -> None:  # §2, §7.3
    block = await writer.write([b"a"])
    metadata = Metadata.FromString(block.metadata.metadata[SIGNATURES])
    (signature,) = metadata.signatures
    header = block.header
    signed = (
        metadata.value
        + signature.signature_header
        + block_header_bytes(header.number, header.previous_hash, header.data_hash)
    )
    signer = SignatureHeader.FromString(signature.signature_header)
    assert OrdererBlockMetadata.FromString(metadata.value).HasField("last_config")
    assert signer.creator == channel_material.orderer.identity
    assert signer.nonce == (1).to_bytes(24, "big")
    channel_material.config().msps.identity(signer.creator).verify(signed, signature.signature)


async def test_a_block_that_is_not_signed_leaves_the_chain_as_it_was(
    store: BlockStore, channel_material: ChannelMaterial
) -> None:
    signer = ReluctantSigner(channel_material.orderer, refusals=1)
    writer = BlockWriter(store, signer, new_nonce=lambda: bytes(24))
    with pytest.raises(SigningFailedError, match="the token was taken out"):
        await writer.write_config(b"config")
    assert (store.height, writer.last_config) == (1, 0)
    assert last_config_index(await writer.write([b"a"])) == 0
    await writer.write_config(b"config")
    assert (store.height, writer.last_config) == (3, 2)


async def test_there_are_five_slots_and_the_second_repeats_the_last_config(
    writer: BlockWriter,
) -> None:  # §7.3: it encodes to nothing while the index is 0
    block = await writer.write([b"a"])
    assert len(block.metadata.metadata) == 5
    assert list(block.metadata.metadata[LAST_CONFIG:]) == [b"", b"", b"", b""]


async def test_a_writer_takes_the_last_config_from_the_last_block(
    store: BlockStore, writer: BlockWriter, channel_material: ChannelMaterial
) -> None:
    block = await writer.write([b"a"])
    value = OrdererBlockMetadata()
    value.last_config.index = 1
    moved = Block(header=block.header, metadata=block.metadata)
    moved.metadata.metadata[SIGNATURES] = Metadata(
        value=value.SerializeToString()
    ).SerializeToString()
    assert last_config_index(block) == 0
    assert last_config_index(moved) == 1
    again = BlockWriter(store, channel_material.orderer, new_nonce=lambda: b"n")
    assert again.last_config == 0
