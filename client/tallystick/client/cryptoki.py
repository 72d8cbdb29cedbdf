"""A private key on a PKCS#11 token. Calls block, and may come from any thread.

Two rules of PKCS#11 shape this module. python-pkcs11 starts a vendor's library with
``C_Initialize(NULL)``, which promises that no two threads are ever inside it: so each library has a
lock. And a program is logged in to a token as a whole, so that ``C_Logout`` in one session logs
every other one out: so all keys of one token share a session, which the last of them ends.

Source: PKCS #11 v3.1, C_Initialize, C_Login, C_Logout; CKM_ECDSA gives r and s, each as long as the
curve's order. Fabric, bccsp/pkcs11: CKA_ID is the SHA-256 of the public point.
"""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import pkcs11
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, PKCS11Error, TokenFlag, exceptions
from pkcs11.types import PrivateKey, Session, SignMixin, Token

from tallystick.client.errors import ClientError
from tallystick.client.identity import CredentialError, Identity, SigningError
from tallystick.client.pkcs11_key import Pkcs11Key
from tallystick.wire.hashing import sha256

if TYPE_CHECKING:
    from pkcs11._pkcs11 import lib as CryptokiLibrary  # noqa: N812 -- a class, in spite of its name

_MAX_LISTED: Final = 10
_GONE: Final = (
    exceptions.DeviceRemoved,
    exceptions.KeyHandleInvalid,
    exceptions.ObjectHandleInvalid,
    exceptions.SessionClosed,
    exceptions.SessionHandleInvalid,
    exceptions.SlotIDInvalid,
    exceptions.TokenNotPresent,
    exceptions.UserNotLoggedIn,
)
_BROKEN: Final = (
    *_GONE,
    exceptions.DeviceError,
    exceptions.FunctionFailed,
    exceptions.GeneralError,
)
# What an error of a token means, and what to do; {pin} is where the PIN is.
_ADVICE: Final = (
    (
        (exceptions.PinIncorrect, exceptions.PinInvalid, exceptions.PinLenRange),
        "it refuses the PIN in {pin}: correct it before the next try, for a few wrong ones lock it",
    ),
    ((exceptions.PinLocked,), "its PIN is locked: let its security officer set a new one"),
    ((exceptions.PinExpired,), "its PIN has expired: set a new one with the vendor's tool"),
    (
        (exceptions.UserPinNotInitialized,),
        "it has no user PIN yet: set one with the vendor's tool",
    ),
    (
        (exceptions.MechanismInvalid, exceptions.KeyTypeInconsistent),
        "it cannot make ECDSA signatures (CKM_ECDSA) with this key",
    ),
    (_GONE, "the token was taken out, reset or logged out: put it back, then connect again"),
)


@dataclass(slots=True)
class _Login:
    """The session that the keys of one token share, and how many they are."""

    session: Session
    keys: int = 0


@dataclass(slots=True)
class _Loaded:
    """A library in this process. Whoever calls into it, or reads ``logins``, holds ``lock``.

    Attributes:
        logins: By slot id.
    """

    library: "CryptokiLibrary"
    lock: threading.Lock = field(default_factory=threading.Lock)
    logins: dict[int, _Login] = field(default_factory=dict)

    def log_in(self, token: Token, pin: str) -> _Login:
        """Return the session with the token; a second key needs no second login."""
        slot_id = token.slot.slot_id
        login = self.logins.get(slot_id)
        if login is None:
            try:
                session = token.open(user_pin=pin)
            except exceptions.UserAlreadyLoggedIn:  # another part of the program is; so are we
                session = token.open()
            login = self.logins[slot_id] = _Login(session)
        login.keys += 1
        return login

    def log_out(self, login: _Login) -> None:
        """Give up one key's share of a session."""
        login.keys -= 1
        if login.keys == 0:
            self.forget(login)
            with suppress(PKCS11Error):  # of a token that is gone there is nothing to leave
                login.session.close()

    def forget(self, login: _Login) -> None:
        """Let the next key log in anew."""
        self.logins = {slot: kept for slot, kept in self.logins.items() if kept is not login}


# A library is loaded, and a token logged in to, once per process: that is how PKCS#11 counts.
_loaded: Final[dict[Path, _Loaded]] = {}
_loading: Final = threading.Lock()


class TokenKey:
    """A private key that stays on its token, until it is closed.

    Satisfies `tallystick.client.identity.DigestSigner`.

    Attributes:
        where: The token, and which of its keys.
    """

    def __init__(
        self, where: Pkcs11Key, loaded: _Loaded, login: _Login, key: SignMixin, identity: Identity
    ) -> None:
        self.where = where
        self._loaded = loaded
        self._login = login
        self._key = key
        self._public_key = identity.public_key
        self._is_closed = False

    @classmethod
    def open(cls, where: Pkcs11Key, identity: Identity) -> Self:
        """Return the key of ``identity``, which has shown that it is that key.

        Raises:
            CredentialError: There is no such library, token or key, the PIN is wrong, or the key
                belongs to another certificate.
        """
        pin = where.read_pin()
        loaded = _load(where)
        with loaded.lock, _explained(where, CredentialError):
            login = loaded.log_in(_find_token(loaded.library, where), pin)
            try:
                key = cls(where, loaded, login, _find_key(login.session, where, identity), identity)
                key._prove(identity)
            except BaseException as error:
                if isinstance(error, _BROKEN):
                    loaded.forget(login)
                loaded.log_out(login)
                raise
        return key

    def sign_digest(self, digest: bytes) -> bytes:
        """Return a signature; its s may be high.

        Raises:
            SigningError: The token did not sign.
        """
        with self._loaded.lock, _explained(self.where, SigningError):
            if self._is_closed:
                raise SigningError(f"the {self.where.token_name} was closed: connect again")
            return self._sign(digest)

    def matches(self, identity: Identity) -> bool:
        """Return whether the key is that of the identity's certificate."""
        return self._public_key == identity.public_key

    def close(self) -> None:
        """Log out, unless another key of the token is in use; a second time is harmless."""
        with self._loaded.lock:
            if not self._is_closed:
                self._is_closed = True
                self._loaded.log_out(self._login)

    def _sign(self, digest: bytes) -> bytes:
        try:
            raw = self._key.sign(digest, mechanism=Mechanism.ECDSA)
        except _BROKEN:
            self._loaded.forget(self._login)
            raise
        size = (self._public_key.curve.key_size + 7) // 8
        if len(raw) != 2 * size:
            raise SigningError(
                f"the {self.where.token_name} returned {len(raw)} bytes for a signature"
                f" instead of {2 * size}, r and s: is the key on curve"
                f" {self._public_key.curve.name}, as its certificate says?"
            )
        return encode_dss_signature(
            int.from_bytes(raw[:size], "big"), int.from_bytes(raw[size:], "big")
        )

    def _prove(self, identity: Identity) -> None:
        """Let the key sign something: a public key beside it on the token would prove nothing."""
        challenge = secrets.token_bytes(SHA256.digest_size)
        try:
            signature = self._sign(challenge)
            self._public_key.verify(signature, challenge, ec.ECDSA(Prehashed(SHA256())))
        except (SigningError, InvalidSignature) as error:
            raise CredentialError(
                f"the private key on the {self.where.token_name} does not belong to the"
                f" certificate of {identity.msp_id}: choose another by label or id"
            ) from error


def _load(where: Pkcs11Key) -> _Loaded:
    file = where.library.resolve()  # two names of one file are one library
    with _loading:
        if file not in _loaded:
            if not file.is_file():
                raise CredentialError(
                    f"there is no PKCS#11 library at {file}: install the token's software, or"
                    " correct `library` in the profile"
                )
            try:
                _loaded[file] = _Loaded(pkcs11.lib(str(where.library)))
            except PKCS11Error as error:
                raise CredentialError(
                    f"{file} does not work as a PKCS#11 library: {_said(error)}"
                ) from error
        return _loaded[file]


def _find_token(library: "CryptokiLibrary", where: Pkcs11Key) -> Token:
    tokens = list(_tokens(library))
    found = [
        token for token in tokens if where.token == token.label or where.slot == token.slot.slot_id
    ]
    match found:
        case [token]:
            return token
        case []:
            there = ", ".join(f"{token.label!r} in slot {token.slot.slot_id}" for token in tokens)
            raise CredentialError(
                f"there is no {where.token_name}: put it in, or name another;"
                f" {where.library} sees {there or 'none'}"
            )
        case _:
            slots = ", ".join(str(token.slot.slot_id) for token in found)
            raise CredentialError(
                f"there is more than one {where.token_name}: name its slot instead, of {slots}"
            )


def _tokens(library: "CryptokiLibrary") -> Iterator[Token]:
    """Yield the tokens that can be used; a slot that cannot say what is in it has none."""
    for slot in library.get_slots(token_present=True):
        with suppress(PKCS11Error):
            token = slot.get_token()
            if token.flags & TokenFlag.TOKEN_INITIALIZED:
                yield token


def _find_key(session: Session, where: Pkcs11Key, identity: Identity) -> SignMixin:
    wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.KEY_TYPE: KeyType.EC}
    named: dict[Attribute, str | bytes] = {}
    if where.label is not None:
        named[Attribute.LABEL] = where.label
    if where.id is not None:
        named[Attribute.ID] = bytes.fromhex(where.id)
    if not named:
        named[Attribute.ID] = subject_key_id(identity.public_key)
    words = " and ".join(
        f"id {value.hex()}" if isinstance(value, bytes) else f"label {value!r}"
        for value in named.values()
    )
    match list(session.get_objects({**wanted, **named})):
        case [SignMixin() as key]:
            return key
        case []:
            raise CredentialError(
                f"the {where.token_name} has no elliptic-curve private key with {words}:"
                f" it has {_listed(session.get_objects({**wanted}))}"
            )
        case [_]:
            raise CredentialError(
                f"the key with {words} on the {where.token_name} may not sign (CKA_SIGN)"
            )
        case _:
            raise CredentialError(
                f"the {where.token_name} has several private keys with {words}: name label and id"
            )


def subject_key_id(public_key: ec.EllipticCurvePublicKey) -> bytes:
    """Return the id that Fabric gives to a key on a token: SHA-256 of the uncompressed point."""
    return sha256(public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def _listed(objects: Iterator[object]) -> str:
    keys = [key for key in objects if isinstance(key, PrivateKey)]
    named = [f"{key.label!r} with id {key.id.hex()}" for key in keys[:_MAX_LISTED]]
    if len(keys) > _MAX_LISTED:
        named.append("others")
    return ", ".join(named) or "none"


@contextmanager
def _explained(where: Pkcs11Key, kind: type[ClientError]) -> Iterator[None]:
    """Turn an error of PKCS#11 into one of ours, which says what to do."""
    try:
        yield
    except PKCS11Error as error:
        raise kind(f"the {where.token_name} cannot be used: {_advice(error, where)}") from error


def _advice(error: PKCS11Error, where: Pkcs11Key) -> str:
    for kinds, advice in _ADVICE:
        if isinstance(error, kinds):
            return f"{advice.format(pin=where.pin_place)} ({_said(error)})"
    return f"it answers {_said(error)}: see its vendor's manual, then connect again"


def _said(error: PKCS11Error) -> str:
    name = type(error).__name__
    return f"{name}: {error}" if str(error) else name
