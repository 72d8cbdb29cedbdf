"""Errors about identities and about the MSPs that should vouch for them."""

from tallystick.node.errors import LedgerError


class MembershipError(LedgerError):
    """Something is wrong with an identity, an MSP or the files that describe one."""


class IdentityError(MembershipError):
    """Nobody on the channel vouches for these identity bytes.

    Attributes:
        msp_id: The MSP that the identity names; empty if not even that could be read.
    """

    def __init__(self, msp_id: str, message: str) -> None:
        super().__init__(message)
        self.msp_id = msp_id


class UnknownMspError(IdentityError):
    """An identity names an MSP that is not part of the channel."""

    def __init__(self, msp_id: str, known: tuple[str, ...]) -> None:
        super().__init__(
            msp_id,
            f"MSP {msp_id!r} is not known here: use an identity of one of {', '.join(known)}",
        )
        self.known = known


class MalformedIdentityError(IdentityError):
    """Identity bytes do not hold one well-formed certificate that the MSP's authorities issued."""

    def __init__(self, msp_id: str, problem: str) -> None:
        super().__init__(msp_id, f"malformed identity of MSP {msp_id!r}: {problem}")
        self.problem = problem


class InvalidIdentityError(IdentityError):
    """The authorities of an MSP issued a certificate, but the MSP does not stand by it.

    Attributes:
        certificate: Subject and serial number of the certificate.
        problem: Which rule it breaks.
    """

    def __init__(self, msp_id: str, certificate: str, problem: str) -> None:
        super().__init__(
            msp_id, f"MSP {msp_id!r} does not accept certificate {certificate}: {problem}"
        )
        self.certificate = certificate
        self.problem = problem


class CertificateError(MembershipError):
    """Bytes hold no usable certificate, key or revocation list."""


class MspConfigError(MembershipError):
    """The definition of an MSP cannot be used.

    Attributes:
        msp_id: The MSP's name.
    """

    def __init__(self, msp_id: str, problem: str) -> None:
        super().__init__(f"MSP {msp_id!r} is badly defined: {problem}")
        self.msp_id = msp_id
        self.problem = problem


class SigningFailedError(MembershipError):
    """A node's own key, which somebody else keeps, did not sign; it may the next time.

    The node goes on without what had to be signed. The message says what to do.
    """


class MaterialError(MembershipError):
    """A directory of certificates and keys cannot be read or written.

    Attributes:
        path: The file or directory at fault.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem
