"""Blocks and proposals are counted under Fabric's names."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from tallystick.node.observability.metrics import OrdererMetrics, PeerMetrics
from tallystick.protos.peer.transaction_pb2 import MVCC_READ_CONFLICT, VALID


@dataclass
class Transaction:
    chaincode: str


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


def test_a_block_is_counted_by_the_verdicts_on_its_transactions() -> None:
    metrics = PeerMetrics()
    codes = bytes([VALID, VALID, MVCC_READ_CONFLICT, VALID])
    transactions = [Transaction("token"), Transaction("token"), Transaction("token"), None]
    metrics.block_committed("market", codes, transactions)

    def count(kind: str, chaincode: str, code: str) -> float | None:
        return value(
            metrics.registry,
            "ledger_transaction_count_total",
            channel="market",
            transaction_type=kind,
            chaincode=chaincode,
            validation_code=code,
        )

    assert count("ENDORSER_TRANSACTION", "token", "VALID") == 2
    assert count("CONFIG", "", "VALID") == 1
    assert count("ENDORSER_TRANSACTION", "", "MVCC_READ_CONFLICT") == 1


def test_what_a_client_can_invent_is_no_label() -> None:
    metrics = PeerMetrics()
    metrics.block_committed("market", bytes([MVCC_READ_CONFLICT]), [Transaction("x" * 99)])
    (family,) = [
        each for each in metrics.registry.collect() if each.name == "ledger_transaction_count"
    ]
    assert {sample.labels["chaincode"] for sample in family.samples} == {""}


def test_proposals_are_timed_by_chaincode_and_success() -> None:
    metrics = PeerMetrics()
    metrics.proposal_answered("market", "token", 0.003, success=True)
    labels = {"channel": "market", "chaincode": "token", "success": "true"}
    name = "endorser_proposal_duration"
    assert value(metrics.registry, f"{name}_count", **labels) == 1
    assert value(metrics.registry, f"{name}_bucket", le="0.0025", **labels) == 0
    assert value(metrics.registry, f"{name}_bucket", le="0.005", **labels) == 1


def test_calls_in_progress_are_counted_when_somebody_asks() -> None:
    metrics, calls = PeerMetrics(), [3]
    metrics.show_in_progress({"gateway.Gateway": lambda: calls[0]})
    name = "tallystick_calls_in_progress"
    assert value(metrics.registry, name, service="gateway.Gateway") == 3
    calls[0] = 5
    assert value(metrics.registry, name, service="gateway.Gateway") == 5


def test_calls_that_wait_are_counted_apart_from_those_in_progress() -> None:
    metrics, calls = PeerMetrics(), [7]
    metrics.show_in_progress({"gateway.Gateway": lambda: 3})
    metrics.show_waiting({"gateway.Gateway": lambda: calls[0]})
    name = "tallystick_calls_waiting"
    assert value(metrics.registry, name, service="gateway.Gateway") == 7
    calls[0] = 0
    assert value(metrics.registry, name, service="gateway.Gateway") == 0


def test_transactions_that_are_not_finished_are_counted_apart() -> None:
    metrics, transactions = PeerMetrics(), [500]
    metrics.show_unfinished(lambda: transactions[0])
    assert value(metrics.registry, "tallystick_transactions_unfinished") == 500
    transactions[0] = 2
    assert value(metrics.registry, "tallystick_transactions_unfinished") == 2


def test_two_nodes_in_one_process_count_apart() -> None:
    one, other = OrdererMetrics(), OrdererMetrics()
    one.envelope_answered("market", "SUCCESS", 0.01)
    labels = {"channel": "market", "status": "SUCCESS"}
    assert value(one.registry, "broadcast_processed_count_total", **labels) == 1
    assert value(other.registry, "broadcast_processed_count_total", **labels) is None


def test_a_block_is_timed_by_what_it_went_through() -> None:
    metrics = PeerMetrics()
    metrics.block_stages("market", validation_s=0.25, commit_s=0.5)
    for family, seconds in (
        ("gossip_privdata_validation_duration", 0.25),
        ("gossip_privdata_commit_block_duration", 0.5),
        ("ledger_block_processing_time", 0.75),
    ):
        assert value(metrics.registry, f"{family}_sum", channel="market") == seconds
        assert value(metrics.registry, f"{family}_count", channel="market") == 1


def test_chaincode_is_timed_apart_from_what_is_around_it() -> None:
    metrics = PeerMetrics()
    metrics.chaincode_executed("market", "token", 0.5)
    metrics.chaincode_timed_out("token")
    labels = {"channel": "market", "chaincode": "token"}
    assert value(metrics.registry, "tallystick_chaincode_duration_sum", **labels) == 0.5
    assert value(metrics.registry, "chaincode_execute_timeouts_total", chaincode="token") == 1


def test_an_orderer_shows_what_waits_and_what_it_leads() -> None:
    metrics = OrdererMetrics()
    metrics.show_waiting_envelopes(lambda: {"market": 7})
    metrics.show_leadership(lambda: {"market": True, "bonds": False})
    assert value(metrics.registry, "tallystick_envelopes_waiting", channel="market") == 7
    leads = "consensus_etcdraft_is_leader"
    assert value(metrics.registry, leads, channel="market") == 1
    assert value(metrics.registry, leads, channel="bonds") == 0
