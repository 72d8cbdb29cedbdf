"""Keys that never leave a SoftHSM token sign for a running network."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pkcs11
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pkcs11 import Attribute, KeyType, Mechanism
from pkcs11.util.ec import encode_named_curve_parameters
from tests.documents import SHELL, Reader, blocks

from tallystick.client import Gateway, HsmSigner, Identity, Pkcs11Key, connect
from tallystick.client.contract import Contract
from tallystick.client.cryptoki import subject_key_id
from tallystick.client.identity import CredentialError
from tallystick.client.profile import Profile
from tallystick.client.sync import Gateway as SyncGateway
from tallystick.node.membership.ca import CertificateAuthority, CertificateRequest, KeyPair

pytestmark = [pytest.mark.interop, pytest.mark.cluster]

HERE = Path(__file__).parent
LIBRARY = Path(os.environ.get("SOFTHSM2_LIBRARY", "/usr/lib/softhsm/libsofthsm2.so"))
BANK = "BankMSP"
PIN = "1234"
PIN_VARIABLE = "TALLYSTICK_TEST_PIN"
TIMEOUT_S = 60


def softhsm(*arguments: str) -> None:
    """Run SoftHSM's own tool."""
    command = ("softhsm2-util", *arguments)
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass(frozen=True)
class Tokens:
    """A folder of SoftHSM tokens.

    Attributes:
        folder: Each token is a folder in it.
    """

    folder: Path

    def create(self, label: str) -> Path:
        """Return the folder of a new token."""
        before = set(self.folder.iterdir())
        softhsm("--init-token", "--free", "--label", label, "--so-pin", "5678", "--pin", PIN)
        (created,) = set(self.folder.iterdir()) - before
        return created


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tokens]:
    """SoftHSM with tokens ``bank`` and ``loose``; the latter is for taking out."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\n")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        environment.setenv(PIN_VARIABLE, PIN)
        tokens = Tokens(folder / "tokens")
        tokens.create("bank")
        yield tokens
        pkcs11.unload(str(LIBRARY))


@pytest.fixture(scope="module")
def reader(topology_toml: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Somebody in the folder of a running network."""
    reader = Reader(tmp_path_factory.mktemp("hsm"))
    reader.save("free-ports.toml", topology_toml)
    reader.expect_success("tally", "cluster", "up", "--topology", "free-ports.toml")
    yield reader
    reader.expect_success("tally", "cluster", "down")


@dataclass(frozen=True)
class Member:
    """The bank: its certificate authority, its profiles, and its keys on tokens."""

    network: Path

    @property
    def profiles(self) -> Path:
        return self.network / "profiles"

    @property
    def key_file(self) -> Path:
        return self.network / "crypto" / BANK / "users" / "client" / "msp" / "keystore" / "priv_sk"

    def certify(self, public_key: ec.EllipticCurvePublicKey) -> Path:
        """Return the file of a certificate of the bank's own authority."""
        folder = self.network / "crypto" / BANK / "ca"
        (certificate,) = folder.glob("*-cert.pem")
        key = (folder / "priv_sk").read_bytes()
        authority = CertificateAuthority.from_pem(KeyPair(certificate.read_bytes(), key))
        request = CertificateRequest("teller", ("client",))
        path = self.profiles / "teller.pem"
        path.write_bytes(authority.certify(public_key, request, now=datetime.now(UTC)))
        return path

    def profile(self, name: str, *, certificate: Path | None = None, **key: str | None) -> Path:
        """Return a new profile; its key is on token ``bank`` unless ``key`` says otherwise."""
        profile = json.loads((self.profiles / f"{BANK}.json").read_bytes())
        if certificate is not None:
            profile["certificate"] = str(certificate)
        where = {"library": str(LIBRARY), "token": "bank", "pin_env": PIN_VARIABLE}
        path = self.profiles / f"{name}.json"
        path.write_text(json.dumps({**profile, "key": {**where, **key}}))
        return path


@pytest.fixture(scope="module")
def bank(reader: Reader) -> Member:
    return Member(reader.folder / ".tallystick")


@pytest.fixture(scope="module")
def teller(tokens: Tokens, bank: Member) -> Path:
    """The profile of a user whose key was made on the token, stored as Fabric does."""
    assert tokens.folder.is_dir()
    token = pkcs11.lib(str(LIBRARY)).get_token(token_label="bank")
    with token.open(rw=True, user_pin=PIN) as session:
        curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
        parameters = session.create_domain_parameters(KeyType.EC, curve, local=True)
        public, private = parameters.generate_keypair(
            mechanism=Mechanism.EC_KEY_PAIR_GEN, store=True, id=b"new"
        )
        point = bytes(public[Attribute.EC_POINT])[2:]  # without the OCTET STRING around it
        public_key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        for half in (public, private):
            half[Attribute.ID] = subject_key_id(public_key)
        assert not private[Attribute.EXTRACTABLE]
        assert private[Attribute.SENSITIVE]
    return bank.profile("teller", certificate=bank.certify(public_key))


@pytest.fixture(scope="module")
def imported(tokens: Tokens, bank: Member) -> Path:
    """The profile of a user whose key came from a file."""
    assert tokens.folder.is_dir()
    where = ("--token", "bank", "--pin", PIN)
    softhsm("--import", str(bank.key_file), "--label", "client", "--id", "01", *where)
    return bank.profile("imported", label="client")


def cash_account() -> str:
    return f"EUR-{secrets.token_hex(4)}"


async def open_cash(cash: Contract) -> str:
    """Open a cash account; return its currency as the ledger has it."""
    account = cash_account()
    await cash.submit("open_cash", account, "EUR")
    currency = json.loads(await cash.evaluate("cash", account))["currency"]
    assert isinstance(currency, str)
    return currency


async def test_a_key_made_on_the_token_submits_and_evaluates(teller: Path) -> None:
    async with await Gateway.from_profile(teller) as gateway:
        assert await open_cash(gateway.network().contract("cash")) == "EUR"


async def test_an_imported_key_is_found_by_its_label_and_its_id(
    imported: Path, bank: Member
) -> None:
    by_both = bank.profile("by-both", label="client", id="01")
    for profile in (imported, by_both):
        async with await Gateway.from_profile(profile) as gateway:
            cash = gateway.network().contract("cash")
            assert await open_cash(cash) == "EUR"


def test_plain_functions_sign_with_it_too(teller: Path) -> None:
    account = cash_account()
    with SyncGateway.from_profile(teller) as gateway:
        cash = gateway.network().contract("cash")
        cash.submit("open_cash", account, "EUR")

        assert json.loads(cash.evaluate("cash", account))["currency"] == "EUR"


async def test_many_transactions_at_once_share_the_token(teller: Path, imported: Path) -> None:
    accounts = [cash_account() for _ in range(24)]
    async with (
        await Gateway.from_profile(teller) as one,
        await Gateway.from_profile(imported) as two,
    ):
        contracts = [gateway.network().contract("cash") for gateway in (one, two)]
        async with asyncio.TaskGroup() as tasks:
            for number, account in enumerate(accounts):
                tasks.create_task(contracts[number % 2].submit("open_cash", account, "EUR"))
        await one.close()
        found = [json.loads(await contracts[1].evaluate("cash", account)) for account in accounts]

    assert [account["currency"] for account in found] == ["EUR"] * len(accounts)


async def test_events_are_asked_for_with_it(teller: Path) -> None:
    async with await Gateway.from_profile(teller) as gateway:
        network = gateway.network()
        assert await open_cash(network.contract("cash")) == "EUR"
        async with asyncio.timeout(TIMEOUT_S), network.block_events(start_block=0) as blocks:
            assert (await anext(blocks)).header.number == 0
        async with (
            asyncio.timeout(TIMEOUT_S),
            network.chaincode_events("cash", start_block=0) as events,
        ):
            assert (await anext(events)).chaincode == "cash"


async def test_the_token_signs_offline(teller: Path) -> None:
    profile = Profile.load(teller)
    identity = Identity.from_file(profile.msp_id, profile.certificate)
    assert isinstance(profile.key, Pkcs11Key)
    async with (
        await HsmSigner.open(profile.key, identity) as offline,
        await connect(
            profile.gateway,
            tls_root_certificates=profile.tls_ca.read_bytes(),
            identity=identity,
        ) as gateway,
    ):
        cash = gateway.network(profile.channel).contract("cash")
        proposal = cash.new_proposal("open_cash", cash_account(), "EUR")
        proposal.add_signature(await offline.sign_digest(proposal.digest))
        transaction = await proposal.endorse()
        transaction.add_signature(await offline.sign_digest(transaction.digest))
        commit = await transaction.submit()
        commit.add_signature(await offline.sign_digest(commit.digest))
        status = await commit.status()

    assert status.is_valid


async def test_a_wrong_pin_is_refused_and_the_right_one_then_accepted(
    teller: Path, bank: Member, tmp_path: Path
) -> None:
    pin = tmp_path / "pin"
    pin.write_text("9999\n")
    certificate = Profile.load(teller).certificate
    key = {"pin_env": None, "pin_file": str(pin)}
    path = bank.profile("pin-file", certificate=certificate, **key)

    with pytest.raises(CredentialError, match=f"refuses the PIN in {pin}: correct it"):
        await Gateway.from_profile(path)
    pin.write_text(f"{PIN}\n")
    async with await Gateway.from_profile(path) as gateway:
        assert await open_cash(gateway.network().contract("cash")) == "EUR"


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ({"token": "vault"}, r"there is no token 'vault': .* sees 'bank' in slot \d+"),
        ({"label": "nobody"}, "no elliptic-curve private key with label 'nobody': it has .*client"),
        ({"label": "client"}, "does not belong to the certificate of BankMSP"),
        ({"library": "/nowhere.so"}, "no PKCS#11 library at /nowhere.so: install"),
        ({"library": __file__}, "does not work as a PKCS#11 library"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("imported")
async def test_a_key_that_cannot_be_used_says_why(
    teller: Path, bank: Member, key: dict[str, str], problem: str
) -> None:
    certificate = Profile.load(teller).certificate

    with pytest.raises(CredentialError, match=problem):
        await Gateway.from_profile(bank.profile("unusable", certificate=certificate, **key))


def test_a_command_says_what_is_wrong_with_the_token(reader: Reader, teller: Path) -> None:
    query = ("tally", "query", "cash", "cash", "none", "--profile", str(teller))
    done = subprocess.run(
        query,
        check=False,
        cwd=reader.folder,
        env={**reader.environment, PIN_VARIABLE: "9999"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 1
    assert f"refuses the PIN in the variable {PIN_VARIABLE}" in done.stderr
    assert "Traceback" not in done.stderr


# A library learns of new tokens when it is loaded: this one is made and taken out in a process of
# its own.
TAKEN_OUT = """
import asyncio, shutil, sys
from tallystick.client import Gateway
from tallystick.client.errors import ClientError

async def main(profile, token):
    async with await Gateway.from_profile(profile) as gateway:
        cash = gateway.network().contract("cash")
        transaction = await cash.new_proposal("open_cash", "EUR-gone", "EUR").endorse()
        commit = await transaction.submit()
        shutil.rmtree(token)
        for step in (commit.status(), cash.submit("open_cash", "EUR-later", "EUR")):
            try:
                await step
            except ClientError as error:
                print(f"{type(error).__name__}: {error}")
    try:
        await Gateway.from_profile(profile)
    except ClientError as error:
        print(f"{type(error).__name__}: {error}")

asyncio.run(main(*sys.argv[1:]))
"""


def test_a_token_taken_out_at_work_tells_what_became_of_the_transaction(
    tokens: Tokens, bank: Member
) -> None:
    folder = tokens.create("loose")
    softhsm(
        "--import",
        str(bank.key_file),
        "--token",
        "loose",
        "--label",
        "client",
        "--id",
        "01",
        "--pin",
        PIN,
    )
    profile = bank.profile("loose", token="loose", label="client")

    printed = subprocess.run(
        [sys.executable, "-W", "error", "-c", TAKEN_OUT, str(profile), str(folder)],
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    ).stdout.splitlines()

    said = "UNAUTHENTICATED: the token 'loose' cannot be used: the token was taken out"
    assert printed[0].startswith("CommitStatusError: ")
    assert f"was submitted, but its outcome is unknown: {said}" in printed[0]
    assert printed[1].startswith("EndorseError: ")
    assert f"was not endorsed: {said}" in printed[1]
    assert printed[2].startswith("CredentialError: there is no token 'loose': put it in")


def test_fabrics_client_for_node_signs_with_the_same_key(teller: Path) -> None:
    program = ("node", "--test", "--test-reporter=spec", "hsm.test.mjs")
    done = subprocess.run(
        program,
        check=False,
        cwd=HERE,
        env={**os.environ, "TALLYSTICK_PROFILE": str(teller)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=2 * TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout
    assert "pass 2" in done.stdout


def test_what_the_manual_shows_works(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOFTHSM2_CONF", str(reader.folder / "softhsm" / "softhsm2.conf"))
    monkeypatch.setenv("HSM_PIN", "1234")
    shown = [block for block in blocks("python", *SHELL) if block.run_by == "interop/test_hsm.py"]
    assert [block.language for block in shown] == ["console", "python"]
    for block in shown:
        if block.language == "python":
            reader.expect_success(sys.executable, "-W", "error", "-c", block.text)
        else:
            assert reader.run(block.script).splitlines()[-1] == "0"
