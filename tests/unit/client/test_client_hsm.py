"""Keys on PKCS#11 tokens: which one is used, what is said when none can be, and who logs out."""

import asyncio
import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pkcs11
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pkcs11 import PKCS11Error, TokenFlag, exceptions
from tests.unit.client.conftest import CHANNEL_ID, Authorities, Client, FakePeer, serving
from tests.unit.client.fake_token import PIN, PIN_VARIABLE, FakeLibrary, FakeSlot, FakeToken

from tallystick.client import Gateway, HsmSigner, Identity, Pkcs11Key
from tallystick.client.cryptoki import TokenKey, subject_key_id
from tallystick.client.errors import CommitStatusError, EndorseError, EventStreamError
from tallystick.client.identity import CredentialError, SigningError, SigningIdentity
from tallystick.client.profile import Profile, ProfileError
from tallystick.node.membership.ca import CertificateRequest, private_key_pem
from tallystick.wire.hashing import sha256
from tallystick.wire.signing import verify


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeLibrary:
    """A library in whose only token there is no key yet; the PIN is in the environment."""
    path = tmp_path / "libtoken.so"
    path.touch()
    library = FakeLibrary(path.resolve())
    monkeypatch.setattr(pkcs11, "lib", {str(library.path): library}.__getitem__)
    monkeypatch.setenv(PIN_VARIABLE, PIN)
    return library


@pytest.fixture
def token(library: FakeLibrary, authorities: Authorities, client: Client) -> FakeToken:
    """The token labelled ``ats``, with the client's key, stored as Fabric would."""
    token = library.insert("ats")
    token.store(
        authorities.user.key_pem, label="u", key_id=subject_key_id(client.identity.public_key)
    )
    return token


def another_key(authorities: Authorities) -> bytes:
    return authorities.authority.issue(CertificateRequest("x"), now=datetime.now(UTC)).key_pem


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("fields", [{}, {"label": "u"}, {"slot": 0, "label": "u"}], ids=str)
def test_a_key_is_found_by_the_certificate_or_by_its_label(
    library: FakeLibrary, client: Client, fields: dict[str, object]
) -> None:
    key = TokenKey.open(library.key(**fields), client.identity)

    signature = SigningIdentity(client.identity, key).normalised(key.sign_digest(sha256(b"text")))
    verify(client.identity.public_key, signature, b"text")


def test_a_key_is_found_by_its_id(
    library: FakeLibrary, token: FakeToken, client: Client, authorities: Authorities
) -> None:
    token.store(another_key(authorities), label="u", key_id=b"\xab")
    key_id = subject_key_id(client.identity.public_key).hex()

    TokenKey.open(library.key(id=key_id.upper(), label="u"), client.identity).close()

    assert not token.is_logged_in
    with pytest.raises(CredentialError, match="several private keys with label 'u'"):
        TokenKey.open(library.key(label="u"), client.identity)


def test_the_id_that_fabric_gives_to_a_key_is_the_hash_of_its_point() -> None:
    """Fabric, bccsp/pkcs11."""
    key = ec.derive_private_key(1, ec.SECP256R1()).public_key()
    numbers = key.public_numbers()
    point = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")

    assert subject_key_id(key) == sha256(point)


@pytest.mark.parametrize(
    ("failure", "advice"),
    [
        (exceptions.PinIncorrect(), f"the variable {PIN_VARIABLE}: correct it before the next try"),
        (exceptions.PinLenRange(), "refuses the PIN"),
        (exceptions.PinLocked(), "let its security officer set a new one"),
        (exceptions.PinExpired(), "has expired"),
        (exceptions.UserPinNotInitialized(), "no user PIN yet"),
        (exceptions.TokenNotPresent(), "taken out.* put it back"),
        (exceptions.HostMemory("full"), r"answers HostMemory: full: see its vendor's manual"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_login_that_fails_says_what_to_do(
    library: FakeLibrary, token: FakeToken, client: Client, failure: PKCS11Error, advice: str
) -> None:
    token.login_failure = failure

    with pytest.raises(CredentialError, match=f"token 'ats' cannot be used: .*{advice}"):
        TokenKey.open(library.key(), client.identity)

    token.login_failure = None
    TokenKey.open(library.key(), client.identity).close()
    assert not token.sessions


def test_a_library_that_is_not_there_or_does_not_load_is_named(
    library: FakeLibrary, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CredentialError, match=r"no PKCS#11 library at .*/nowhere\.so: install"):
        TokenKey.open(library.key(library=library.path.with_name("nowhere.so")), client.identity)

    def refuse(path: str) -> None:
        raise PKCS11Error(f"undefined symbol in {path}")

    monkeypatch.setattr(pkcs11, "lib", refuse)
    with pytest.raises(CredentialError, match=r"does not work as a PKCS#11 library: .*undefined"):
        TokenKey.open(library.key(), client.identity)


def test_an_absent_token_is_named_beside_those_that_are_there(
    library: FakeLibrary, client: Client
) -> None:
    with pytest.raises(CredentialError, match=r"no token 'ats': put it in.*sees none"):
        TokenKey.open(library.key(), client.identity)

    library.insert("other")
    library.insert("new", TokenFlag.LOGIN_REQUIRED)
    library.slots.append(FakeSlot(2, None))
    with pytest.raises(CredentialError, match=r"no token 'ats': .*sees 'other' in slot 0$"):
        TokenKey.open(library.key(), client.identity)
    with pytest.raises(CredentialError, match="no token in slot 7"):
        TokenKey.open(library.key(slot=7), client.identity)


def test_tokens_of_one_label_are_told_apart_by_their_slot(
    library: FakeLibrary, token: FakeToken, client: Client
) -> None:
    library.insert("ats")

    with pytest.raises(CredentialError, match="name its slot instead, of 0, 1"):
        TokenKey.open(library.key(), client.identity)
    TokenKey.open(library.key(slot=0), client.identity).close()
    assert token.logins == 1


def test_an_absent_key_is_named_beside_those_that_are_there(
    library: FakeLibrary, token: FakeToken, client: Client, authorities: Authorities
) -> None:
    with pytest.raises(CredentialError, match="private key with label 'v': it has 'u' with id"):
        TokenKey.open(library.key(label="v"), client.identity)

    token.keys.clear()
    fabrics = subject_key_id(client.identity.public_key).hex()
    with pytest.raises(CredentialError, match=f"with id {fabrics}: it has none"):
        TokenKey.open(library.key(), client.identity)

    for number in range(11):
        token.store(authorities.user.key_pem, label=f"{number}", key_id=b"\x01")
    with pytest.raises(CredentialError, match=r"'9' with id 01, others$"):
        TokenKey.open(library.key(label="v"), client.identity)
    assert not token.sessions


def test_a_key_that_may_not_sign_is_refused(
    library: FakeLibrary, token: FakeToken, client: Client, authorities: Authorities
) -> None:
    token.store(authorities.user.key_pem, label="for agreement", may_sign=False)

    with pytest.raises(CredentialError, match="may not sign"):
        TokenKey.open(library.key(label="for agreement"), client.identity)


def p384_key(_: Authorities) -> bytes:
    return private_key_pem(ec.generate_private_key(ec.SECP384R1()))


@pytest.mark.parametrize("make_key", [another_key, p384_key])
def test_the_key_of_another_certificate_is_refused_at_once(
    library: FakeLibrary,
    token: FakeToken,
    client: Client,
    authorities: Authorities,
    make_key: Callable[[Authorities], bytes],
) -> None:
    token.store(make_key(authorities), label="another")

    with pytest.raises(CredentialError, match="does not belong to the certificate of ATSMSP"):
        TokenKey.open(library.key(label="another"), client.identity)
    assert not token.is_logged_in


@pytest.mark.usefixtures("token")
async def test_a_signer_serves_no_other_identity(
    library: FakeLibrary, peer: FakePeer, client: Client, authorities: Authorities
) -> None:
    other = authorities.authority.issue(CertificateRequest("other"), now=datetime.now(UTC))
    async with await HsmSigner.open(library.key(), client.identity) as signer:
        with pytest.raises(CredentialError, match="does not belong"):
            Gateway.over(peer, identity=Identity("ATSMSP", other.certificate_pem), signer=signer)


def test_keys_of_one_token_share_a_login_that_the_last_one_ends(
    library: FakeLibrary, token: FakeToken, client: Client
) -> None:
    one, two = (TokenKey.open(library.key(), client.identity) for _ in range(2))
    assert token.logins == 1

    one.close()
    one.close()
    assert two.sign_digest(sha256(b"still there"))
    with pytest.raises(SigningError, match="was closed: connect again"):
        one.sign_digest(sha256(b"too late"))

    two.close()
    assert not token.is_logged_in
    assert not token.sessions


def test_two_names_of_one_library_are_one_library(
    library: FakeLibrary, token: FakeToken, client: Client
) -> None:
    link = library.path.with_name("link.so")
    link.symlink_to(library.path)

    keys = [
        TokenKey.open(library.key(library=path), client.identity) for path in (library.path, link)
    ]
    assert token.logins == 1
    for key in keys:
        key.close()


def test_a_login_of_another_part_of_the_program_is_used_and_left_alone(
    library: FakeLibrary, token: FakeToken, client: Client
) -> None:
    others = token.open(user_pin=PIN)

    key = TokenKey.open(library.key(), client.identity)
    assert key.sign_digest(sha256(b"text"))
    key.close()

    assert token.is_logged_in
    assert token.sessions == [others]


def test_a_token_that_was_taken_out_says_so_and_can_come_back(
    library: FakeLibrary, token: FakeToken, client: Client
) -> None:
    key = TokenKey.open(library.key(), client.identity)
    token.failure = exceptions.DeviceRemoved()
    token.is_logged_in = False

    with pytest.raises(SigningError, match=r"token 'ats' .*taken out.* then connect again \(Dev"):
        key.sign_digest(sha256(b"text"))
    with pytest.raises(CredentialError, match="taken out"):
        TokenKey.open(library.key(), client.identity)
    key.close()

    token.failure = None
    TokenKey.open(library.key(), client.identity).close()
    assert token.logins == 3


def test_a_signature_of_another_length_is_not_passed_on(
    library: FakeLibrary, token: FakeToken, client: Client
) -> None:
    key = TokenKey.open(library.key(), client.identity)
    token.keys[0].private_key = ec.generate_private_key(ec.SECP384R1())

    with pytest.raises(SigningError, match="96 bytes for a signature instead of 64"):
        key.sign_digest(sha256(b"text"))


def test_no_two_threads_are_ever_in_the_library(
    library: FakeLibrary, token: FakeToken, client: Client
) -> None:
    """PKCS #11 v3.1, C_Initialize without arguments."""
    keys = [TokenKey.open(library.key(), client.identity) for _ in range(4)]
    digest = sha256(b"text")
    with ThreadPoolExecutor(8) as threads:
        signatures = list(threads.map(lambda n: keys[n % 4].sign_digest(digest), range(64)))

    for signature in signatures:
        assert SigningIdentity(client.identity, None).normalised(signature)
    assert token.logins == 1


async def test_the_event_loop_goes_on_while_a_token_thinks(
    library: FakeLibrary, token: FakeToken, client: Client
) -> None:
    async with await HsmSigner.open(library.key(), client.identity) as signer:
        token.signing.clear()
        token.may_sign.clear()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(signer.sign_digest(sha256(b"text")))
            assert await asyncio.to_thread(token.signing.wait, 10)
            assert not waiting.done()
            token.may_sign.set()
        assert waiting.result()


async def test_a_closed_signer_has_finished_what_it_was_asked_and_takes_no_more(
    library: FakeLibrary, token: FakeToken, client: Client
) -> None:
    signer = await HsmSigner.open(library.key(), client.identity)
    token.may_sign.clear()
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(signer.sign_digest(sha256(b"text")))
        assert await asyncio.to_thread(token.signing.wait, 10)
        closing = tasks.create_task(signer.close())
        token.may_sign.set()
    assert asked.result()
    assert closing.done()
    assert not token.is_logged_in

    await signer.close()
    with pytest.raises(SigningError, match="closed"):
        await signer.sign_digest(sha256(b"text"))


async def test_whoever_stops_waiting_for_a_token_leaves_no_login_behind(
    library: FakeLibrary, token: FakeToken, client: Client
) -> None:
    token.may_sign.clear()
    opening = asyncio.get_running_loop().create_task(
        HsmSigner.open(library.key(), client.identity), name="opening"
    )
    assert await asyncio.to_thread(token.signing.wait, 10)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    token.may_sign.set()

    assert await asyncio.to_thread(token.left.wait, 10)
    assert not token.is_logged_in


async def test_a_token_that_does_not_answer_is_given_up(
    library: FakeLibrary, token: FakeToken, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = await HsmSigner.open(library.key(), client.identity)
    monkeypatch.setattr("tallystick.client.hsm._ANSWER_S", 0.01)
    token.may_sign.clear()
    try:
        calls = [signer.sign_digest(sha256(b"text")) for _ in range(3)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        with pytest.raises(CredentialError, match="did not answer"):
            await HsmSigner.open(library.key(), client.identity)
        await signer.close()
    finally:
        token.may_sign.set()

    assert [type(answer) for answer in answers] == [SigningError] * 3
    assert "token 'ats' did not answer within 0.01 s" in str(answers[2])
    assert token.asked == 2, "to prove itself, and once since"
    assert await asyncio.to_thread(token.left.wait, 10)


@pytest.mark.usefixtures("token")
async def test_a_token_that_fails_at_any_step_tells_what_became_of_the_transaction(
    library: FakeLibrary, token: FakeToken, peer: FakePeer, client: Client
) -> None:
    signer = await HsmSigner.open(library.key(), client.identity)
    gateway = Gateway.over(peer, identity=client.identity, signer=signer, options=client.options())
    network = gateway.network(CHANNEL_ID)
    transaction = await network.contract("token").new_proposal("transfer").endorse()
    commit = await transaction.submit()
    token.failure = exceptions.DeviceRemoved()

    with pytest.raises(EndorseError, match=r"was not endorsed: UNAUTHENTICATED: .*taken out"):
        await network.contract("token").submit("transfer")
    with pytest.raises(CommitStatusError, match=r"outcome is unknown: .*taken out"):
        await commit.status()
    for stream in (network.block_events(), network.chaincode_events("token")):
        with pytest.raises(EventStreamError, match="taken out"):
            await anext(stream)
    await signer.close()


def write_token_profile(
    directory: Path, authorities: Authorities, address: str, key: dict[str, object]
) -> Path:
    path = authorities.write_profile(directory, address)
    profile = json.loads(path.read_bytes())
    path.write_text(json.dumps({**profile, "key": key}))
    return path


async def test_a_gateway_logs_in_as_its_profile_says_and_out_when_it_closes(
    library: FakeLibrary,
    token: FakeToken,
    peer: FakePeer,
    authorities: Authorities,
    tmp_path: Path,
) -> None:
    (tmp_path / "pin").write_text(f"{PIN}\n")
    key: dict[str, object] = {"library": library.path.name, "token": "ats", "pin_file": "pin"}
    async with serving(peer, authorities) as address:
        profile = write_token_profile(tmp_path, authorities, address, key)
        async with await Gateway.from_profile(profile) as gateway:
            await gateway.network().contract("token").submit("transfer")
            assert len(token.sessions) == 1
    assert not token.sessions
    assert not token.is_logged_in


async def test_a_gateway_that_cannot_connect_logs_out(
    library: FakeLibrary, token: FakeToken, authorities: Authorities, tmp_path: Path
) -> None:
    key: dict[str, object] = {"library": str(library.path), "slot": 0, "pin_env": PIN_VARIABLE}
    profile = write_token_profile(tmp_path, authorities, "localhost:1", key)
    (tmp_path / "ca.crt").unlink()

    with pytest.raises(CredentialError, match=r"ca\.crt"):
        await Gateway.from_profile(profile)

    assert token.logins == 1
    assert not token.is_logged_in


@pytest.mark.usefixtures("library")
def test_an_installation_without_the_extra_says_what_to_install(
    library: FakeLibrary, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    monkeypatch.delitem(sys.modules, "tallystick.client.cryptoki")

    with pytest.raises(CredentialError, match=r"pip install 'tallystick\[hsm\]'"):
        asyncio.run(HsmSigner.open(library.key(), client.identity))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"pin": "1234"}, r"key\.token\.pin: Extra inputs are not permitted"),
        ({"pin_env": None}, "say where the PIN is: pin_env or pin_file"),
        ({"pin_file": "pin"}, "pin_env or pin_file, not both"),
        ({"token": None}, "by its label"),
        ({"slot": 0}, "not both"),
        ({"slot": -1}, r"key\.token\.slot"),
        ({"id": "abc"}, r"key\.token\.id"),
        ({"label": ""}, r"key\.token\.label"),
        ({"library": None}, r"key\.token\.library"),
    ],
    ids=str,
)
def test_a_profile_that_describes_no_key_says_why(
    authorities: Authorities, tmp_path: Path, change: dict[str, object], problem: str
) -> None:
    key: dict[str, object] = {"library": "lib.so", "token": "ats", "pin_env": "PIN", **change}
    path = write_token_profile(tmp_path, authorities, "localhost:7051", key)

    with pytest.raises(ProfileError, match=problem) as caught:
        Profile.load(path)
    assert "1234" not in str(caught.value)


def test_paths_of_a_key_are_relative_to_the_profile(
    authorities: Authorities, tmp_path: Path
) -> None:
    key: dict[str, object] = {"library": "/lib/token.so", "token": "ats", "pin_file": "secret/pin"}
    loaded = Profile.load(write_token_profile(tmp_path, authorities, "localhost:7051", key)).key

    assert isinstance(loaded, Pkcs11Key)
    assert loaded.library == Path("/lib/token.so")
    assert loaded.pin_file == tmp_path / "secret" / "pin"


def test_a_pin_that_is_not_where_it_should_be_is_asked_for(
    library: FakeLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PIN_VARIABLE)
    with pytest.raises(
        CredentialError, match=f"no PIN for the token 'ats' in the variable {PIN_VARIABLE}"
    ):
        library.key().read_pin()

    pin = tmp_path / "pin"
    elsewhere = library.key(pin_env=None, pin_file=pin)
    with pytest.raises(CredentialError) as told:
        elsewhere.read_pin()
    assert str(told.value) == (
        f"{pin}, for the PIN of the token 'ats', cannot be read: No such file or directory; write"
        " the PIN into that file, readable by its user only, or correct pin_file"
    )
    pin.write_bytes(b"\xff")
    with pytest.raises(CredentialError, match="cannot be read: it is not UTF-8 text; write the"):
        elsewhere.read_pin()
    pin.write_text("\n")
    with pytest.raises(CredentialError, match="put it there"):
        elsewhere.read_pin()
    pin.write_text(" 12 34 \r\n")
    assert elsewhere.read_pin() == " 12 34 "
