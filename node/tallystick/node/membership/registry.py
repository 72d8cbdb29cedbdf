"""The MSPs of one channel, and the identities that they have already vouched for."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from tallystick.node.membership.errors import MalformedIdentityError, UnknownMspError
from tallystick.node.membership.identity import Identity
from tallystick.node.membership.msp import Msp
from tallystick.node.membership.principals import satisfies
from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.protos.msp.msp_principal_pb2 import MSPPrincipal
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.messages import decode

_REMEMBERED_IDENTITIES: Final = 4_096
_REMEMBERED_VERDICTS: Final = 16_384


class MspRegistry:
    """Everybody on a channel. Immutable: a new channel configuration brings a new registry.

    A certificate is parsed and its chain checked once; afterwards its bytes are one look-up. Only
    identities found valid are remembered, so junk cannot push them out for free.

    Attributes:
        msp_ids: Names of the MSPs, in the order given.
    """

    def __init__(self, msps: Iterable[Msp]) -> None:
        self._msps = {msp.msp_id: msp for msp in msps}
        self.msp_ids: tuple[str, ...] = tuple(self._msps)
        self._identities = lru_cache(_REMEMBERED_IDENTITIES)(self._load)
        self._verdicts = lru_cache(_REMEMBERED_VERDICTS)(self._judge)

    def get(self, msp_id: str) -> Msp | None:
        """Return the MSP called ``msp_id``, or None if the channel has none such."""
        return self._msps.get(msp_id)

    def identity(self, serialized: bytes) -> Identity:
        """Return the valid identity in ``serialized``, as required of the creator of an envelope.

        Raises:
            UnknownMspError: It names an MSP that is not on the channel.
            MalformedIdentityError: The bytes cannot be read, or hold more than one certificate.
            InvalidIdentityError: The MSP does not stand by the certificate.
        """
        identity = self._identities(serialized)
        if identity.flaw:
            raise MalformedIdentityError(identity.msp_id, identity.flaw)
        return identity

    def endorser(self, serialized: bytes) -> Identity:
        """Return the valid identity in ``serialized``, as required in a set of signatures.

        Endorsers are read more leniently than creators: bytes behind the certificate do not matter.
        Fabric makes this difference, and a verdict that differs from Fabric's splits the ledger.

        Raises:
            IdentityError: As for `identity`.
        """
        return self._identities(serialized)

    def satisfies(self, identity: Identity, principal: MSPPrincipal) -> bool:
        """Return whether ``identity``, which came from this registry, meets ``principal``."""
        return self._verdicts(identity, principal.principal_classification, principal.principal)

    def _load(self, serialized: bytes) -> Identity:
        try:
            msp_id = decode(SerializedIdentity, serialized).mspid
        except MalformedMessageError as error:
            raise MalformedIdentityError("", str(error)) from error
        msp = self._msps.get(msp_id)
        if msp is None:
            raise UnknownMspError(msp_id, self.msp_ids)
        identity = msp.deserialize(serialized)
        msp.validate(identity)
        return identity

    def _judge(
        self, identity: Identity, kind: MSPPrincipal.Classification.ValueType, content: bytes
    ) -> bool:
        principal = MSPPrincipal(principal_classification=kind, principal=content)
        return satisfies(self._msps[identity.msp_id], identity, principal)
