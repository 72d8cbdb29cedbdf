"""What a block must fulfil before it is believed: wire.md §11."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from tests.scenarios.outcome import Outcome, State
from tests.unit.conftest import ChannelMaterial

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.verification import UntrustedBlockError, verify_block
from tallystick.node.ledger.block_store import BlockStore
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ordering.block_writer import BlockWriter
from tallystick.protos.common.common_pb2 import SIGNATURES, Block, BlockHeader, Envelope, Metadata
from tallystick.wire.hashing import block_data_hash
from tallystick.wire.signing import Signer


async def write(
    material: ChannelMaterial, directory: Path, entries: list[bytes], signer: Signer | None = None
) -> Block:
    store = BlockStore(directory, MemoryStore())
    store.append(material.genesis())
    nonces = count()
    writer = BlockWriter(
        store,
        signer or material.orderer,
        new_nonce=lambda: next(nonces).to_bytes(24, "big"),
    )
    block = await writer.write(entries)
    store.close()
    return block


@pytest.fixture
def config(channel_material: ChannelMaterial) -> ChannelConfig:
    return channel_material.config()


@pytest.fixture
def previous(channel_material: ChannelMaterial) -> BlockHeader:
    return channel_material.genesis().header


@pytest.fixture
async def block(channel_material: ChannelMaterial, tmp_path: Path) -> Block:
    return await write(channel_material, tmp_path, [channel_material.envelope()])


def test_a_block_of_the_channels_orderer_is_believed(
    block: Block, config: ChannelConfig, previous: BlockHeader
) -> None:
    verify_block(block, previous, config)


def number_off(block: Block) -> None:
    block.header.number = 2


def previous_hash_off(block: Block) -> None:
    block.header.previous_hash = bytes(32)


def four_slots(block: Block) -> None:
    del block.metadata.metadata[4]


def no_data(block: Block) -> None:
    del block.data.data[:]


def other_data(block: Block) -> None:
    block.data.data.append(b"more")


def odd_encoding(block: Block) -> None:
    envelope = Envelope.FromString(block.data.data[0])
    block.data.data[0] = (
        Envelope(signature=envelope.signature).SerializeToString()
        + Envelope(payload=envelope.payload).SerializeToString()
    )
    block.header.data_hash = block_data_hash(block.data.data)


def unsigned_entry(block: Block) -> None:
    envelope = Envelope.FromString(block.data.data[0])
    block.data.data[0] = Envelope(payload=envelope.payload).SerializeToString()
    block.header.data_hash = block_data_hash(block.data.data)


def other_entry(block: Block) -> None:
    envelope = Envelope.FromString(block.data.data[0])
    block.data.data[0] = Envelope(payload=b"other", signature=b"s").SerializeToString()
    assert envelope.payload != b"other"
    block.header.data_hash = block_data_hash(block.data.data)


def no_signature(block: Block) -> None:
    metadata = Metadata.FromString(block.metadata.metadata[SIGNATURES])
    del metadata.signatures[:]
    block.metadata.metadata[SIGNATURES] = metadata.SerializeToString()


def other_last_config(block: Block) -> None:
    metadata = Metadata.FromString(block.metadata.metadata[SIGNATURES])
    metadata.value += b"\x12\x01x"
    block.metadata.metadata[SIGNATURES] = metadata.SerializeToString()


def junk_signature_slot(block: Block) -> None:
    block.metadata.metadata[SIGNATURES] = b"\xff"


@pytest.mark.parametrize(
    ("tamper", "problem"),
    [
        pytest.param(number_off, "block 1 was due", id="§11 number"),
        pytest.param(previous_hash_off, "does not follow block 0", id="§11 previous hash"),
        pytest.param(four_slots, "4 metadata entries", id="§11 five metadata entries"),
        pytest.param(no_data, "empty", id="§11 empty blocks are invalid"),
        pytest.param(other_data, "data hash", id="§11 data hash"),
        pytest.param(odd_encoding, "entry 0 is not", id="§11 an entry's one encoding"),
        pytest.param(unsigned_entry, "entry 0 is not", id="§11 an entry without signature"),
        pytest.param(other_entry, "BlockValidation", id="§2 the signature covers the header"),
        pytest.param(no_signature, "BlockValidation", id="§11 no signature"),
        pytest.param(other_last_config, "BlockValidation", id="§2 the signature covers the value"),
        pytest.param(junk_signature_slot, "cannot be read", id="§11 unreadable signatures"),
    ],
)
def test_a_block_that_was_tampered_with_is_not_believed(
    block: Block,
    config: ChannelConfig,
    previous: BlockHeader,
    tamper: Callable[[Block], None],
    problem: str,
) -> None:
    tamper(block)
    with pytest.raises(UntrustedBlockError, match=problem):
        verify_block(block, previous, config)


async def test_a_block_signed_by_someone_who_is_no_orderer_is_not_believed(
    outcome: Outcome,
    channel_material: ChannelMaterial,
    config: ChannelConfig,
    previous: BlockHeader,
    tmp_path: Path,
) -> None:  # §11
    block = await write(
        channel_material, tmp_path, [channel_material.envelope()], signer=channel_material.client
    )
    with outcome.refuses(
        UntrustedBlockError,
        leaves=State(
            "the configuration that blocks are judged by is as it was",
            lambda: config.config.SerializeToString(deterministic=True),
        ),
        match="BlockValidation",
    ):
        verify_block(block, previous, config)
