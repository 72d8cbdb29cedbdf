"""What a block from someone else must fulfil before it is believed. Pure. Source: wire.md §11."""

from dataclasses import dataclass
from typing import Final

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.responses import is_config_block
from tallystick.node.errors import LedgerError
from tallystick.node.policies.evaluate import SignedData
from tallystick.protos.common.common_pb2 import (
    SIGNATURES,
    Block,
    BlockHeader,
    IdentifierHeader,
    Metadata,
    MetadataSignature,
    SignatureHeader,
)
from tallystick.wire.envelope import is_well_formed
from tallystick.wire.errors import WireError
from tallystick.wire.hashing import block_data_hash, block_header_bytes, block_header_hash
from tallystick.wire.messages import decode

BLOCK_VALIDATION: Final = "/Channel/Orderer/BlockValidation"
METADATA_SLOTS: Final = 5


class UntrustedBlockError(LedgerError):
    """A block does not follow the rules of its chain, so its sender is not to be believed.

    Attributes:
        number: The number that the block gives itself.
        problem: The rule that it breaks.
    """

    def __init__(self, number: int, problem: str) -> None:
        super().__init__(f"block {number} is not to be trusted: {problem}")
        self.number = number
        self.problem = problem


@dataclass(frozen=True, slots=True)
class ChainTip:
    """The last block of a chain, where nothing of it is known but its number and header hash."""

    number: int
    block_hash: bytes


Previous = BlockHeader | ChainTip


def verify_block(block: Block, previous: Previous, config: ChannelConfig) -> None:
    """Return if ``block`` follows ``previous`` and the orderers of ``config`` vouch for it.

    Raises:
        UntrustedBlockError: Not so.
    """
    problem = (
        _check_place(block.header, previous)
        or _check_metadata(block)
        or _check_content(block)
        or _check_signatures(block, config)
    )
    if problem:
        raise UntrustedBlockError(block.header.number, problem)


def verify_header(block: Block, previous: Previous, config: ChannelConfig) -> None:
    """Return if the header of ``block`` follows ``previous`` and the orderers vouch for it.

    The block may come without its data.

    Raises:
        UntrustedBlockError: Not so.
    """
    problem = (
        _check_place(block.header, previous)
        or _check_metadata(block)
        or _check_signatures(block, config)
    )
    if problem:
        raise UntrustedBlockError(block.header.number, problem)


def verify_alone(block: Block, config: ChannelConfig) -> None:
    """Return if ``block`` is whole and the orderers of ``config`` vouch for it.

    Whether it follows another one is not asked: their signatures cover the hash of that.

    Raises:
        UntrustedBlockError: Not so.
    """
    problem = _check_metadata(block) or _check_content(block) or _check_signatures(block, config)
    if problem:
        raise UntrustedBlockError(block.header.number, problem)


def _check_place(header: BlockHeader, previous: Previous) -> str:
    if header.number != previous.number + 1:
        return f"block {previous.number + 1} was due"
    known = previous.block_hash if isinstance(previous, ChainTip) else block_header_hash(previous)
    if header.previous_hash != known:
        return f"it does not follow block {previous.number} as it is known here"
    return ""


def _check_metadata(block: Block) -> str:
    if len(block.metadata.metadata) < METADATA_SLOTS:
        return f"it has {len(block.metadata.metadata)} metadata entries instead of {METADATA_SLOTS}"
    return ""


def _check_content(block: Block) -> str:
    if not block.data.data:
        return "it is empty"
    if block_data_hash(block.data.data) != block.header.data_hash:
        return "its data hash is not that of its data"
    if is_config_block(block):
        return ""
    for index, entry in enumerate(block.data.data):
        if not is_well_formed(entry):
            return f"entry {index} is not an envelope in its one encoding"
    return ""


def _check_signatures(block: Block, config: ChannelConfig) -> str:
    header = block.header
    header_bytes = block_header_bytes(header.number, header.previous_hash, header.data_hash)
    try:
        metadata = decode(Metadata, block.metadata.metadata[SIGNATURES])
        signed = [
            SignedData(
                _signer(signature, config),
                metadata.value
                + (signature.signature_header or signature.identifier_header)
                + header_bytes,
                signature.signature,
            )
            for signature in metadata.signatures
        ]
    except WireError as error:
        return f"its signatures cannot be read: {error}"
    verdict = config.policies.evaluate_signed(BLOCK_VALIDATION, signed)
    return "" if verdict.satisfied else f"policy {BLOCK_VALIDATION}: {verdict.reason}"


def _signer(signature: MetadataSignature, config: ChannelConfig) -> bytes:
    """Return who claims to have signed; nothing if the channel has no consenter of that number.

    Under BFT a signature names a number of the consenter set in force; how many consenters are
    enough, the policy says. Source: hyperledger/fabric protoutil/blockutils.go.
    """
    by_number = signature.identifier_header and not signature.signature_header
    if config.capabilities.bft and by_number:
        identifier = decode(IdentifierHeader, signature.identifier_header).identifier
        return config.consenters.get(identifier, b"")
    return decode(SignatureHeader, signature.signature_header).creator
