"""The demo does what it tells, and says so when it does not."""

import io
import os
import re
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from tallystick.contracts.cash.models import CashAccount
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import Holding
from tallystick.node.cli.demo import run_demo
from tallystick.node.cli.demo.channel import Call, Channel, Committed, Outcome, Refused
from tallystick.node.cli.demo.given import introduce
from tallystick.node.cli.demo.narration import Narrator, Tone
from tallystick.node.cli.demo.stage import Books, DemoFailedError, Stage, check_conservation
from tallystick.node.cli.demo.story import tell_story
from tallystick.node.cli.demo.wallets import Wallets
from tallystick.node.cluster import startup
from tallystick.node.cluster.errors import NetworkExistsError
from tallystick.node.cluster.launcher import NodeFailedError
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.topology import Topology
from tallystick.node.testing import LocalNetwork
from tallystick.protos.peer.transaction_pb2 import TxValidationCode

ESCAPE = "\x1b"
STEP = re.compile(r"^   \* \w", re.MULTILINE)
REFUSAL = re.compile(r"REFUSED(?: by every node)? \[(\w+)\]: (.+?)(?=   \*|\n\n)", re.DOTALL)
RECORDED = re.compile(r"^   ([a-z ]+?) +\d{4}-\d\d-\d\dT[0-9:]{8}Z +[0-9a-f]{8}$", re.MULTILINE)
RECEIPT = re.compile(r"^ +Block \d+ \([0-9a-f]{8}\), endorsed by [a-z]", re.MULTILINE)


def wallets_of(channel: str) -> Wallets:
    return Wallets(channel, now=lambda: datetime.now(UTC), nonce=lambda: secrets.token_hex(16))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told() -> AsyncIterator[str]:
    """The whole story, as it happens on a network in this process."""
    out = io.StringIO()
    narrator = Narrator(out)
    narrator.chapter("A network comes up")
    introduce(narrator)
    async with LocalNetwork() as network:
        gateways = {each: network.gateway(each) for each in Participant}
        channel = Channel(network.channel_id, gateways)
        await tell_story(Stage(narrator, channel, wallets_of(network.channel_id)))
    yield out.getvalue()


def flattened(text: str) -> str:
    return " ".join(text.split())


def test_the_story_is_told_in_order(told: str) -> None:
    """SS-118, SS-84: given, when, then."""
    steps = [
        "1. A network",
        "MarketMakerMatcher finds two orders",
        "2. Given: investors with a wallet",
        "declares that the word of the KYC house counts",
        "enters Alice, Bob and Carol",
        "3. Given: a security that is listed, shares and money",
        "issues 1,000 NORTH to Alice",
        "The books BEFORE the trade",
        "4. When the MarketMakerMatcher finds two orders",
        "It is a match: Alice sells 250 NORTH to Bob for $3,100.00, $12.40 a share",
        "5. Then the TradeManager records the trade and notifies everybody",
        "TradeManager creates trade T-1 and records it",
        "One notice reaches everybody: T-1 is created",
        "Bob's wallet has signed exactly these",
        "Alice's wallet has signed exactly these",
        "6. Then the SettlementManager settles it",
        "SettlementManager validates: 250 shares",
        "SettlementManager puts Alice's shares and Bob's money in escrow",
        "SettlementManager releases the shares to Bob and the money to Alice",
        "Again one notice reaches everybody: T-1 is completed",
        "7. So the trade is complete",
        "The books AFTER the trade",
        "The record that stays of T-1",
        "8. Who can read the trade",
        "Clearing firm Alice sells 250 NORTH to Bob for $3,100.00",
        "Issuer nothing",
        "the price of $3,100.00 is not",
        "9. Six attempts that the ledger refuses",
        "The books after all attempts",
        "10. And many trades at once",
        "11. Three copies, one ledger",
    ]
    text = flattened(told)
    places = [text.find(step) for step in steps]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("RECEIVER_NOT_VERIFIED", "carol may not receive NORTH. carol has no claim 'kyc'"),
        ("SENDER_FROZEN", "The holding of alice in NORTH is frozen: court order 17/2026."),
        ("CONSENT_MISSING", "The seller, alice, has not consented to trade T-4."),
        ("ENDORSEMENT_POLICY_FAILURE", "endorsed by transfer agent only."),
        ("LICENCE_MISSING", "ATSMSP has no licence for this; it needs the power 'clear'."),
        ("TRADE_EXISTS", "Trade T-1 exists already; an id is used once, for ever."),
    ],
)
def test_an_attempt_is_refused_with_its_reason(told: str, code: str, reason: str) -> None:
    refusals = REFUSAL.findall(told)
    assert reason in {name: flattened(text) for name, text in refusals}[code]
    assert len(refusals) == 6


@pytest.mark.parametrize(
    ("title", "tables"),
    [
        ("BEFORE the trade", ["Alice 1,000 0 1,000", "Bob $10,000.00 $0.00 $10,000.00"]),
        ("but neither can use them", ["Alice 1,000 250 750", "Bob $10,000.00 $3,100.00 $6,900.00"]),
        ("AFTER the trade", ["Alice 750 0 750 Bob 250 0 250", "Bob $6,900.00 $0.00 $6,900.00"]),
        ("in escrow for T-5", ["Alice 750 100 650", "Bob $6,900.00 $1,240.00 $5,660.00"]),
        ("after all attempts", ["Alice 750 0 750 Bob 250 0 250", "Alice $3,100.00 $0.00"]),
    ],
)
def test_the_books_show_what_each_step_changed(told: str, title: str, tables: list[str]) -> None:
    _, _, rest = flattened(told).partition(title)
    units, money = rest.split("cash accounts")[:2]
    assert tables[0] in units
    assert tables[1] in money


def test_the_orders_that_make_the_trade_are_on_the_ledger(told: str) -> None:
    """SS-81: a match has both orders, with their limits and brokers."""
    order = r"O-[0-9a-f]{8} +%s +%s +250 +%s +Broker-dealer"
    assert re.search(order % ("sell", "Alice", r"\$12\.40"), told)
    assert re.search(order % ("buy", "Bob", r"\$12\.50"), told)


@pytest.mark.parametrize("step", ["created", "completed"])
def test_parties_are_notified_and_the_market_learns_no_name(told: str, step: str) -> None:
    """SS-83, SS-88: everybody gets the notice, and only who may look up what it is about."""
    known = "Alice sells 250 NORTH to Bob for $3,100.00"
    rows = [
        f"Alice, the seller Broker-dealer T-1 {step} {known}",
        f"Bob, the buyer Broker-dealer T-1 {step} {known}",
        f"SettlementManager Clearing firm T-1 {step} {known}",
        f"the market Issuer T-1 {step} nothing",
    ]
    assert " ".join(rows) in flattened(told)


def test_the_record_of_the_trade_has_every_step(told: str) -> None:
    """SS-84."""
    _, _, record = told.partition("The record that stays of T-1")
    assert RECORDED.findall(record) == ["recorded", "in escrow", "completed"]


def test_of_trades_that_wait_for_each_other_only_the_difference_changes_hands(told: str) -> None:
    """SS-93."""
    _, _, coda = flattened(told).partition("10. And many trades at once")
    assert "USD $33,108.00 $372.00 98.9 %" in coda
    assert "NORTH 2,670 30 98.9 %" in coda
    assert "Shares held: 720 + 270 + 10 = 1,000; issued: 1,000." in coda


def test_all_copies_of_the_ledger_have_the_same_fingerprints(told: str) -> None:
    _, _, copies = told.partition("11. Three copies, one ledger")
    rows = re.findall(r"^   \w+ \w+ +(\d+) +([0-9a-f]{16}) +([0-9a-f]{16})$", copies, re.MULTILINE)
    assert len(rows) == 3
    assert len(set(rows)) == 1


def test_conservation_is_stated_with_figures(told: str) -> None:
    text = flattened(told)
    assert "Shares held: 750 + 250 = 1,000; issued: 1,000." in text
    assert "$3,100.00 + $6,900.00 + $5,000.00 = $15,000.00; deposited: $15,000.00." in text


def test_every_step_has_a_receipt_or_a_refusal(told: str) -> None:
    assert len(STEP.findall(told)) == len(RECEIPT.findall(told)) + told.count("REFUSED [") + 1


def test_text_is_plain_unless_a_terminal_reads_it(told: str) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    Narrator(terminal).say("done", Tone.DONE)
    assert terminal.getvalue() == f"{Tone.DONE}   done\x1b[0m\n"
    assert ESCAPE not in told
    assert all(len(line) <= 100 for line in told.splitlines())


# --- when something goes wrong ---


class ScriptedChannel(Channel):
    """A channel on which every call comes to the same end."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__("securities", {})
        self._outcome = outcome

    async def submit(self, call: Call) -> Outcome:  # noqa: ARG002
        return self._outcome


def stage_with(outcome: Outcome) -> Stage:
    return Stage(Narrator(io.StringIO()), ScriptedChannel(outcome), wallets_of("securities"))


CALL = Call(Participant.BANK, Chaincode.CASH, "deposit", ("USD", "bob", 1))
VALID = Committed("0" * 64, 7, TxValidationCode.VALID, ("ATSMSP",))
VOID = Committed("0" * 64, 7, TxValidationCode.MVCC_READ_CONFLICT, ("ATSMSP",))


@pytest.mark.parametrize(
    "outcome", [Refused("CASH_UNKNOWN", "There is no cash USD."), VOID], ids=["refused", "void"]
)
async def test_the_demo_fails_when_a_step_does_not_succeed(outcome: Outcome) -> None:
    with pytest.raises(DemoFailedError, match="deposit should have succeeded"):
        await stage_with(outcome).act("pays.", CALL)


async def test_the_demo_fails_when_an_attempt_succeeds() -> None:
    with pytest.raises(DemoFailedError, match="deposit should have been refused"):
        await stage_with(VALID).attempt("tries to pay.", CALL)


@pytest.mark.parametrize(("units_issued", "money_deposited"), [(11, 500), (10, 499)])
def test_the_demo_fails_when_something_vanished(units_issued: int, money_deposited: int) -> None:
    books = Books(
        holdings=(Holding(holder="alice", quantity=10, held=0, frozen=0, available=10),),
        units_issued=units_issued,
        accounts=(CashAccount(holder="bob", amount=500, held=0, available=500),),
        money_deposited=money_deposited,
    )
    with pytest.raises(DemoFailedError, match="appeared or vanished"):
        check_conservation(Narrator(io.StringIO()), books)


async def test_a_network_that_does_not_come_up_leads_to_its_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(topology: Topology, directory: Path, report: object) -> Network:  # noqa: ARG001
        raise NodeFailedError("peer0.ats.example", "stopped", directory / "logs" / "peer0.log")

    monkeypatch.setattr(startup, "bring_up", fail)
    with pytest.raises(DemoFailedError) as failure:
        await run_demo(tmp_path, io.StringIO())
    assert f"see {tmp_path}/logs/peer0.log" in str(failure.value)
    assert f"in {tmp_path}/logs" in str(failure.value)


async def test_the_demo_does_not_touch_a_network_that_exists(tmp_path: Path) -> None:
    (tmp_path / "topology.json").write_text("{}", encoding="utf-8")
    with pytest.raises(NetworkExistsError):
        await run_demo(tmp_path, io.StringIO())


# --- the real thing ---


@pytest.mark.cluster
@pytest.mark.slow
def test_the_command_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = subprocess.run(
        [sys.executable, "-m", "tallystick.node.cli", "demo"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert (demo.returncode, demo.stderr) == (0, "")
    assert "The network is stopped, its files are removed." in flattened(demo.stdout)
    assert list(tmp_path.iterdir()) == []
    assert not [
        each for each in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(each.info)
    ]
