"""A PKCS#11 library in memory: slots, tokens, logins and keys that behave, or fail, as told."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, PKCS11Error, TokenFlag, exceptions
from pkcs11.types import Object, PrivateKey, Session, SignMixin, Slot, Token

from tallystick.client import Pkcs11Key

PIN = "1234"
PIN_VARIABLE = "TALLYSTICK_TEST_PIN"


class StoredKey(PrivateKey):
    """A private key that may not sign."""

    def __init__(self, token: "FakeToken", private_key: ec.EllipticCurvePrivateKey) -> None:
        self.token = token
        self.private_key = private_key
        self.attributes: dict[Attribute, object] = {
            Attribute.CLASS: ObjectClass.PRIVATE_KEY,
            Attribute.KEY_TYPE: KeyType.EC,
        }

    @property
    def label(self) -> str:
        return str(self.attributes[Attribute.LABEL])

    @property
    def id(self) -> bytes:
        key_id = self.attributes[Attribute.ID]
        assert isinstance(key_id, bytes)
        return key_id


class SigningKey(StoredKey, SignMixin):
    """A private key that signs, and notices when two threads are in the library at once."""

    def sign(self, data: object, **options: object) -> bytes:
        assert options == {"mechanism": Mechanism.ECDSA}
        assert isinstance(data, bytes)
        token = self.token
        assert token.inside.acquire(blocking=False), "two threads are in the library at once"
        try:
            token.asked += 1
            token.signing.set()
            time.sleep(0)  # let another thread try to come in
            assert token.may_sign.wait(10)
            if token.failure is not None:
                raise token.failure
            if not token.is_logged_in:
                raise exceptions.UserNotLoggedIn
            return self._raw(data)
        finally:
            token.inside.release()

    def _raw(self, digest: bytes) -> bytes:
        signature = self.private_key.sign(digest, ec.ECDSA(Prehashed(SHA256())))
        size = self.private_key.key_size // 8
        return b"".join(part.to_bytes(size, "big") for part in decode_dss_signature(signature))


class FakeSession(Session):
    """A session; closing one that logged in logs every other one out."""

    def __init__(self, token: "FakeToken", *, has_logged_in: bool) -> None:
        self.of = token
        self.has_logged_in = has_logged_in

    def _identity(self) -> int:
        return id(self)

    def get_objects(self, attrs: Mapping[Attribute, object] | None = None) -> Iterator[Object]:
        wanted = (attrs or {}).items()
        return (key for key in self.of.keys if wanted <= key.attributes.items())

    def close(self) -> None:
        self.of.sessions.remove(self)
        if not self.of.sessions:
            self.of.left.set()
        if self.has_logged_in:
            self.of.is_logged_in = False
        if self.of.failure is not None:
            raise self.of.failure


class FakeSlot(Slot):
    """A slot, with a token or without."""

    def __init__(self, slot_id: int, token: "FakeToken | None") -> None:
        self.number = slot_id
        self.token = token

    @property
    def slot_id(self) -> int:
        return self.number

    def get_token(self) -> Token:
        if self.token is None:
            raise exceptions.TokenNotRecognised
        return self.token


class FakeToken(Token):
    """A token with one PIN.

    Attributes:
        login_failure: Raised by the next logins, whatever the PIN.
        failure: Raised by whatever is done in a session.
        asked: How many signatures it was asked for.
        signing: Set as soon as a key is asked to sign.
        left: Set as soon as nobody has a session any more.
        may_sign: Until it is set, keys take their time.
        logins: How many there have been.
    """

    def __init__(self, label: str, slot_id: int, flags: TokenFlag) -> None:
        self.name = label
        self.place = FakeSlot(slot_id, self)
        self.capabilities = flags
        self.keys: list[StoredKey] = []
        self.sessions: list[FakeSession] = []
        self.is_logged_in = False
        self.logins = 0
        self.asked = 0
        self.login_failure: PKCS11Error | None = None
        self.failure: PKCS11Error | None = None
        self.inside = threading.Lock()
        self.signing = threading.Event()
        self.left = threading.Event()
        self.may_sign = threading.Event()
        self.may_sign.set()

    @property
    def label(self) -> str:
        return self.name

    @property
    def slot(self) -> Slot:
        return self.place

    @property
    def flags(self) -> TokenFlag:
        return self.capabilities

    def open(self, *_: object, user_pin: object = None, **__: object) -> Session:
        if user_pin is not None:
            self._log_in(user_pin)
        session = FakeSession(self, has_logged_in=user_pin is not None)
        self.sessions.append(session)
        return session

    def _log_in(self, pin: object) -> None:
        if self.is_logged_in:
            raise exceptions.UserAlreadyLoggedIn
        if self.login_failure is not None:
            raise self.login_failure
        if pin != PIN:
            raise exceptions.PinIncorrect
        self.is_logged_in = True
        self.logins += 1

    def store(
        self, key_pem: bytes, *, label: str = "", key_id: bytes = b"", may_sign: bool = True
    ) -> None:
        """Put a private key on the token."""
        private_key = load_pem_private_key(key_pem, password=None)
        assert isinstance(private_key, ec.EllipticCurvePrivateKey)
        key = (SigningKey if may_sign else StoredKey)(self, private_key)
        key.attributes |= {Attribute.LABEL: label, Attribute.ID: key_id}
        self.keys.append(key)


@dataclass
class FakeLibrary:
    """What a vendor's library knows.

    Attributes:
        path: Its file, which is there.
    """

    path: Path
    slots: list[Slot] = field(default_factory=list)

    def get_slots(self, *, token_present: bool) -> list[Slot]:
        assert token_present
        return self.slots

    def insert(self, label: str, flags: TokenFlag = TokenFlag.TOKEN_INITIALIZED) -> FakeToken:
        """Put a new token into a new slot."""
        token = FakeToken(label, len(self.slots), flags)
        self.slots.append(token.place)
        return token

    def key(self, **fields: object) -> Pkcs11Key:
        """Return where a key is; by default on the token labelled ``ats``."""
        token = {} if "slot" in fields else {"token": "ats"}
        return Pkcs11Key.model_validate(
            {"library": self.path, "pin_env": PIN_VARIABLE, **token, **fields}
        )
