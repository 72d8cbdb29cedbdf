"""Blocks of a BFT channel: a quorum of consenters signs, each under its number (wire.md §11)."""

from collections.abc import Callable, Sequence

import pytest
from tests.unit.conftest import CHANNEL_ID, ChannelMaterial

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.verification import UntrustedBlockError, verify_block
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.protos.common.common_pb2 import (
    SIGNATURES,
    Block,
    BlockData,
    BlockHeader,
    BlockMetadata,
    IdentifierHeader,
    LastConfig,
    Metadata,
    MetadataSignature,
    OrdererBlockMetadata,
    SignatureHeader,
)
from tallystick.protos.common.configtx_pb2 import Config, ConfigPolicy, ConfigValue
from tallystick.protos.common.configuration_pb2 import (
    Capabilities,
    Capability,
    Consenter,
    Orderers,
)
from tallystick.protos.common.policies_pb2 import Policy, SignaturePolicy, SignaturePolicyEnvelope
from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.protos.msp.msp_principal_pb2 import MSPPrincipal
from tallystick.wire.hashing import block_data_hash, block_header_bytes, block_header_hash

VALUE = OrdererBlockMetadata(last_config=LastConfig(index=0)).SerializeToString()
NUMBERS = (3, 5, 7, 11)


def consenters(material: ChannelMaterial) -> Sequence[SigningIdentity]:
    return (material.orderer, material.administrator, material.client, material.peer)


def config(material: ChannelMaterial, *, capability: str = "V3_0") -> ChannelConfig:
    """Return a configuration in which three of four consenters must sign."""
    changed = Config()
    changed.CopyFrom(material.config().config)
    root = changed.channel_group
    capabilities = Capabilities(capabilities={capability: Capability()})
    root.values["Capabilities"].CopyFrom(ConfigValue(value=capabilities.SerializeToString()))
    identities = [signer.identity for signer in consenters(material)]
    policy = SignaturePolicyEnvelope(
        rule=SignaturePolicy(
            n_out_of=SignaturePolicy.NOutOf(
                n=3, rules=[SignaturePolicy(signed_by=place) for place in range(4)]
            )
        ),
        identities=[
            MSPPrincipal(principal_classification=MSPPrincipal.IDENTITY, principal=identity)
            for identity in identities
        ],
    )
    orderer = root.groups["Orderer"]
    orderer.policies["BlockValidation"].CopyFrom(
        ConfigPolicy(policy=Policy(type=Policy.SIGNATURE, value=policy.SerializeToString()))
    )
    listed = [
        Consenter(id=number, msp_id=identity.mspid, identity=identity.id_bytes)
        for number, identity in zip(
            NUMBERS, map(SerializedIdentity.FromString, identities), strict=True
        )
    ]
    # A number that is given twice stays with the first who has it.
    listed.append(Consenter(id=NUMBERS[0], msp_id="OrdererMSP", identity=b"another"))
    orderer.values["Orderers"].CopyFrom(
        ConfigValue(value=Orderers(consenter_mapping=listed).SerializeToString())
    )
    return ChannelConfig.from_config(CHANNEL_ID, changed)


def block(material: ChannelMaterial, *signatures: "Callable[[bytes], MetadataSignature]") -> Block:
    data = [material.envelope()]
    previous = block_header_hash(material.genesis().header)
    header = BlockHeader(number=1, previous_hash=previous, data_hash=block_data_hash(data))
    header_bytes = block_header_bytes(1, header.previous_hash, header.data_hash)
    metadata = Metadata(value=VALUE, signatures=[sign(header_bytes) for sign in signatures])
    slots = [b""] * 5
    slots[SIGNATURES] = metadata.SerializeToString()
    return Block(header=header, data=BlockData(data=data), metadata=BlockMetadata(metadata=slots))


def numbered(number: int, signer: SigningIdentity) -> Callable[[bytes], MetadataSignature]:
    header = IdentifierHeader(identifier=number, nonce=b"nonce").SerializeToString()
    return lambda header_bytes: MetadataSignature(
        identifier_header=header, signature=signer.sign(VALUE + header + header_bytes)
    )


def named(signer: SigningIdentity) -> Callable[[bytes], MetadataSignature]:
    header = SignatureHeader(creator=signer.identity, nonce=b"nonce").SerializeToString()
    return lambda header_bytes: MetadataSignature(
        signature_header=header, signature=signer.sign(VALUE + header + header_bytes)
    )


def verify(material: ChannelMaterial, block: Block, *, capability: str = "V3_0") -> None:
    verify_block(block, material.genesis().header, config(material, capability=capability))


def test_a_quorum_of_consenters_is_believed(channel_material: ChannelMaterial) -> None:
    votes = [*zip(NUMBERS, consenters(channel_material), strict=True)]
    for left_out in range(4):
        quorum = votes[:left_out] + votes[left_out + 1 :]
        verify(channel_material, block(channel_material, *(numbered(*vote) for vote in quorum)))


def test_a_consenter_may_sign_by_its_certificate(channel_material: ChannelMaterial) -> None:
    one, two, three, _ = consenters(channel_material)
    signed = block(channel_material, numbered(3, one), named(two), named(three))
    verify(channel_material, signed)


def test_fewer_than_a_quorum_are_not_believed(channel_material: ChannelMaterial) -> None:
    one, two, three, _ = consenters(channel_material)
    stranger = channel_material.stranger
    for signatures in (
        (numbered(3, one), numbered(5, two)),
        (numbered(3, one), numbered(5, two), numbered(5, two), numbered(5, two)),
        (numbered(3, one), numbered(5, two), numbered(7, stranger)),
        (numbered(3, one), numbered(5, two), numbered(11, three)),
        (numbered(3, one), numbered(5, two), numbered(99, three)),
        (numbered(3, one), numbered(5, two), named(stranger)),
    ):
        with pytest.raises(UntrustedBlockError, match="BlockValidation"):
            verify(channel_material, block(channel_material, *signatures))


def test_a_number_is_no_name_below_the_capability_for_bft(
    channel_material: ChannelMaterial,
) -> None:
    votes = zip(NUMBERS, consenters(channel_material), strict=True)
    signed = block(channel_material, *(numbered(*vote) for vote in votes))
    with pytest.raises(UntrustedBlockError, match="BlockValidation"):
        verify(channel_material, signed, capability="V2_0")


def test_a_number_that_cannot_be_read_spoils_the_block(channel_material: ChannelMaterial) -> None:
    votes = zip(NUMBERS, consenters(channel_material), strict=True)
    signed = block(
        channel_material,
        *(numbered(*vote) for vote in votes),
        lambda _: MetadataSignature(identifier_header=b"\xff", signature=b"s"),
    )
    with pytest.raises(UntrustedBlockError, match="cannot be read"):
        verify(channel_material, signed)
