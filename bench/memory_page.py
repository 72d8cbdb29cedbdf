"""The page with the plot of a memory run, made from the JSON of that run."""

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

Sample = dict[str, Any]


def render(result: Path, store_result: Path) -> str:
    """Return the Markdown of the samples in ``result``: a Mermaid chart and tables.

    Args:
        result: JSON of `bench.memory`.
        store_result: JSON of `bench.store_memory`, which tells kinds of memory apart.
    """
    report = json.loads(result.read_text())
    samples = report["samples"]
    last = samples[-1]
    return "\n".join(
        [
            f"# Memory over {last['transactions']:,} transactions",
            "",
            f"`python -m bench.memory`, {report['measured_at'][:10]}:"
            f" {_machine(report['machine'])}. {last['transactions']:,} writes of 100 bytes"
            " under new keys were committed in"
            f" {last['seconds']:,.0f} s ({last['transactions'] / last['seconds']:,.0f} a second).",
            "",
            *_nodes(samples),
            "",
            "## What grows",
            "",
            _rises(samples),
            "",
            *_kinds(json.loads(store_result.read_text())["samples"]),
            "",
        ]
    )


def _nodes(samples: list[Sample]) -> list[str]:
    """Return the charts and the table of what each node held."""
    nodes = list(samples[0]["resident_mib"])
    return [
        "What each node allocated, its own memory. A peer's rises by 16 MiB and falls again, as it"
        " fills and writes LevelDB's write buffer:",
        "",
        *_chart("Own MiB", "own_mib", samples),
        "",
        "With it what is resident of files, which the kernel can read again and takes back when"
        " memory is short: programs, libraries and LevelDB's tables.",
        "",
        *_chart("Resident MiB", "resident_mib", samples),
        "",
        "The least and the most that a node held in each tenth of the run, in MiB: all that is"
        " resident, and in brackets its own.",
        "",
        _row("thousand transactions", *nodes),
        _row(*["---"] * (1 + len(nodes))),
        *_spans(samples, nodes),
    ]


def _spans(samples: list[Sample], nodes: list[str]) -> Iterator[str]:
    """Yield a row for each tenth of the run."""
    last = len(samples) - 1

    def span(part: list[Sample], kind: str, name: str) -> str:
        values = [each[kind][name] for each in part]
        return f"{min(values):.0f} to {max(values):.0f}"

    for tenth in range(10):
        part = samples[last * tenth // 10 + 1 : last * (tenth + 1) // 10 + 1]
        yield _row(
            f"to {part[-1]['transactions'] // 1000}",
            *(
                f"{span(part, 'resident_mib', name)} ({span(part, 'own_mib', name)})"
                for name in nodes
            ),
        )


def _chart(title: str, kind: str, samples: list[Sample]) -> list[str]:
    """Return a Mermaid chart of one kind of memory, with a line for each node."""
    lines = {name: [each[kind][name] for each in samples] for name in samples[0][kind]}
    return [
        "```mermaid",
        "xychart-beta",
        f'    title "{title} of each node ({", ".join(lines)})"',
        f'    x-axis "Thousand transactions" 0 --> {samples[-1]["transactions"] // 1000}',
        f'    y-axis "MiB" 0 --> {1.2 * max(map(max, lines.values())):.0f}',
        *(f"    line {values}" for values in lines.values()),
        "```",
    ]


def _rises(samples: list[Sample]) -> str:
    """Return how what each node held of its own rose, on average from the second fifth to the last.

    A fifth has three rounds of a peer's write buffer and more. The least of a part would tell how
    soon after the writing of a buffer a sample was taken, which is up to 3 MiB.
    """
    fifth = len(samples) // 5
    second, last = samples[fifth + 1 : 2 * fifth + 1], samples[-fifth:]

    def rise(name: str) -> float:
        first, then = (fmean(each["own_mib"][name] for each in part) for part in (second, last))
        return then - first

    rises = ", ".join(f"{name} {rise(name):+.1f}" for name in samples[0]["own_mib"])
    return (
        "What each node held of its own, on average over the last fifth of the run, against that"
        f" over the second, in MiB: {rises}."
    )


def _kinds(samples: list[dict[str, float]]) -> list[str]:
    """Return what grows with the data, told by the samples of a store alone, by tenths of it."""
    last = len(samples) - 1
    columns = ("tables", "allocated_mib", "mapped_tables_mib", "resident_mib")

    def spans(tenth: int) -> Iterator[object]:
        part = samples[last * tenth // 10 + 1 : last * (tenth + 1) // 10 + 1]
        yield f"to {round(part[-1]['transactions'] / 1000)}"
        for column in columns:
            values = [each[column] for each in part]
            yield f"{min(values):.0f} to {max(values):.0f}"

    return [
        "A store keeps nothing of its own by the data in it: LevelDB maps its tables into memory,"
        " at most `store_mapped_bytes` of each channel, and reads them there, with index and"
        " filter. What it allocates is what is to be written, 16 MiB at a peer and 512 KiB at an"
        " orderer. What was freed goes back to the kernel each minute. Pages of tables come and go:"
        " the kernel counts those that were touched as resident, with those of all tables that a"
        " compaction reads and writes, until it deletes them.",
        "",
        "`python -m bench.store_memory` tells the kinds apart. It writes the rows of the same"
        " transactions to a store that is alone in its process. The least and the most in each"
        " tenth, resident MiB:",
        "",
        _row("thousand transactions", "tables", "allocated", "pages of tables", "all"),
        _row(*["---"] * 5),
        *(_row(*spans(tenth)) for tenth in range(10)),
    ]


def _machine(machine: dict[str, object]) -> str:
    return f"{machine['cores']} cores ({machine['processor']}), Python {machine['python']}"


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
