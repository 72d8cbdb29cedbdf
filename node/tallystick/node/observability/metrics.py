"""What nodes count and time, for Prometheus.

Where Fabric measures the same, names and labels are Fabric's, so that its dashboards read these
nodes. What only this software has begins with ``tallystick_``. Labels have values from the
channel's configuration only: what a client can choose at will would fill the memory of whoever
collects. So the series of a metric are few, and the way to each is remembered without a limit:
to find one by its labels costs more than to count.
"""

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from tallystick.protos.peer.transaction_pb2 import TxValidationCode

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

Gauges = Callable[[], Iterable[tuple[tuple[str, ...], float]]]
"""Returns, when asked, the values of a gauge: those of its labels, and the number."""


class GaugeReader(Collector):
    """Gauges that are read when somebody collects, and cost nothing in between."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauges: list[tuple[str, str, tuple[str, ...], Gauges]] = []
        registry.register(self)

    def add(self, name: str, documentation: str, labels: tuple[str, ...], read: Gauges) -> None:
        """Show what ``read`` returns under ``name``."""
        self._gauges.append((name, documentation, labels, read))

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield all gauges as they are now."""
        for name, documentation, labels, read in self._gauges:
            family = GaugeMetricFamily(name, documentation, labels=labels)
            for values, number in read():
                family.add_metric(values, number)
            yield family


class NodeMetrics:
    """What peers and orderers have in common: the process, and heights of channels."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.gauges = GaugeReader(self.registry)

    def show_heights(self, heights: Callable[[], Mapping[str, int]]) -> None:
        """Show how many blocks each channel has, by its id."""
        self.gauges.add(
            "ledger_blockchain_height",
            "Height of the chain in blocks.",
            ("channel",),
            lambda: [((channel,), height) for channel, height in heights().items()],
        )

    def show_open(self, calls: Callable[[], int], silent: Callable[[], int]) -> None:
        """Show how many calls are open, and on how many of them nothing was said yet."""
        self.gauges.add(
            "tallystick_calls_open",
            "Calls that are open; at the limit in the settings more are refused.",
            (),
            lambda: [((), calls())],
        )
        self.gauges.add(
            "tallystick_calls_silent",
            "Of which nothing was said yet, or all was refused; of too many the oldest is ended.",
            (),
            lambda: [((), silent())],
        )

    def show_in_progress(self, calls: Mapping[str, Callable[[], int]]) -> None:
        """Show how many calls of each service are being worked on."""
        self.gauges.add(
            "tallystick_calls_in_progress",
            "Calls that are being worked on; the settings have a limit for each service.",
            ("service",),
            lambda: [((service,), count()) for service, count in calls.items()],
        )

    def show_waiting(self, calls: Mapping[str, Callable[[], int]]) -> None:
        """Show how many calls of each service wait to be worked on."""
        self.gauges.add(
            "tallystick_calls_waiting",
            "Calls that wait to be worked on; beyond the limits in the settings they are refused.",
            ("service",),
            lambda: [((service,), count()) for service, count in calls.items()],
        )

    def show_unfinished(self, transactions: Callable[[], int]) -> None:
        """Show how many transactions a gateway has endorsed and still waits for."""
        self.gauges.add(
            "tallystick_transactions_unfinished",
            "Transactions endorsed by this gateway that are neither committed nor given up.",
            (),
            lambda: [((), transactions())],
        )

    def show_certificates(self, ends: Iterable[tuple[str, str, float]]) -> None:
        """Show when certificates end: use and file, each pair once, and seconds since the epoch."""
        values = [((use, file), end) for use, file, end in ends]
        self.gauges.add(
            "tallystick_certificate_expiry_timestamp_seconds",
            "When the first of the certificates in a file of this node ends.",
            ("use", "file"),
            lambda: values,
        )

    def _seconds(self, name: str, documentation: str, *labels: str) -> Callable[..., Histogram]:
        """Return what finds the series of a new histogram by the values of its labels."""
        histogram = Histogram(name, documentation, labels, registry=self.registry, buckets=SECONDS)
        return cache(histogram.labels)

    def _counts(self, name: str, documentation: str, *labels: str) -> Callable[..., Counter]:
        """Return what finds the series of a new counter by the values of its labels."""
        return cache(self._count(name, documentation, *labels).labels)

    def _count(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(name, documentation, labels, registry=self.registry)


class CountedTransaction(Protocol):
    """What is counted of a transaction."""

    @property
    def chaincode(self) -> str:
        """The chaincode that it invoked."""


class PeerMetrics(NodeMetrics):
    """What a peer counts and times."""

    def __init__(self) -> None:
        super().__init__()
        self._processing = self._seconds(
            "ledger_block_processing_time",
            "Time taken in seconds to validate and commit a block.",
            "channel",
        )
        self._validation = self._seconds(
            "gossip_privdata_validation_duration",
            "Time it takes to validate a block (in seconds).",
            "channel",
        )
        self._commit = self._seconds(
            "gossip_privdata_commit_block_duration",
            "Time it takes to commit private data and the corresponding block (in seconds).",
            "channel",
        )
        self._transactions = self._counts(
            "ledger_transaction_count",
            "Number of transactions processed; the chaincode is empty unless they are valid.",
            "channel",
            "transaction_type",
            "chaincode",
            "validation_code",
        )
        self._proposals = self._seconds(
            "endorser_proposal_duration",
            "The time to run the chaincode of a proposal and to answer.",
            "channel",
            "chaincode",
            "success",
        )
        self._received = self._count(
            "endorser_proposals_received", "The number of proposals received."
        )
        self._chaincode = self._seconds(
            "tallystick_chaincode_duration",
            "The time that a chaincode took for the call of a client, in seconds.",
            "channel",
            "chaincode",
        )
        self._timeouts = self._counts(
            "chaincode_execute_timeouts",
            "The number of chaincode executions (Init or Invoke) that have timed out.",
            "chaincode",
        )

    def block_stages(self, channel: str, *, validation_s: float, commit_s: float) -> None:
        """Time what a block went through, without what it waited for the one before."""
        self._processing(channel).observe(validation_s + commit_s)
        self._validation(channel).observe(validation_s)
        self._commit(channel).observe(commit_s)

    def chaincode_executed(self, channel: str, chaincode: str, seconds: float) -> None:
        """Time a call of a chaincode that the channel has."""
        self._chaincode(channel, chaincode).observe(seconds)

    def chaincode_timed_out(self, chaincode: str) -> None:
        """Count a call that took longer than it may."""
        self._timeouts(chaincode).inc()

    def block_committed(
        self, channel: str, codes: bytes, transactions: Iterable[CountedTransaction | None]
    ) -> None:
        """Count what became of each transaction of a block."""
        counts = Tally(
            (
                "CONFIG" if transaction is None else "ENDORSER_TRANSACTION",
                "" if transaction is None or code else transaction.chaincode,
                code,
            )
            for code, transaction in zip(codes, transactions, strict=True)
        )
        for (kind, chaincode, code), number in counts.items():
            name = TxValidationCode.Name(TxValidationCode.ValueType(code))
            self._transactions(channel, kind, chaincode, name).inc(number)

    def proposal_received(self) -> None:
        """Count a proposal, before anything is known of it."""
        self._received.inc()

    def proposal_answered(
        self, channel: str, chaincode: str, seconds: float, *, success: bool
    ) -> None:
        """Count a proposal for a chaincode that the channel has."""
        self._proposals(channel, chaincode, "true" if success else "false").observe(seconds)


class OrdererMetrics(NodeMetrics):
    """What an orderer counts and times."""

    def __init__(self) -> None:
        super().__init__()
        self._processed = self._counts(
            "broadcast_processed_count",
            "The number of envelopes processed; the channel is empty if it is not ordered here.",
            "channel",
            "status",
        )
        self._enqueue = self._seconds(
            "broadcast_enqueue_duration",
            "The time to enqueue an envelope, ordering included where the answer waits for it.",
            "channel",
            "status",
        )

    def show_waiting_envelopes(self, waiting: Callable[[], Mapping[str, int]]) -> None:
        """Show how many envelopes of each channel wait here to be in a block."""
        self.gauges.add(
            "tallystick_envelopes_waiting",
            "Envelopes that wait to be ordered; beyond the limits in the settings, refused.",
            ("channel",),
            lambda: [((channel,), number) for channel, number in waiting().items()],
        )

    def show_leadership(self, leads: Callable[[], Mapping[str, bool]]) -> None:
        """Show of each channel whether this orderer leads it."""
        self.gauges.add(
            "consensus_etcdraft_is_leader",
            "The leadership status of the current node: 1 if it is the leader else 0.",
            ("channel",),
            lambda: [((channel,), float(leading)) for channel, leading in leads().items()],
        )

    def envelope_answered(self, channel: str, status: str, seconds: float) -> None:
        """Count an envelope and its answer."""
        self._processed(channel, status).inc()
        self._enqueue(channel, status).observe(seconds)
