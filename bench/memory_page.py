"""The page with the plot of a memory run, made from the JSON of that run."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

Sample = dict[str, Any]
POINTS = 20
"""So many of the samples are drawn: more would hide each other's labels."""


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
            *_kinds(json.loads(store_result.read_text())["samples"]),
            "",
        ]
    )


def _nodes(samples: list[Sample]) -> list[str]:
    """Return the charts and tables of what each node held."""
    every = max(1, (len(samples) - 1) // POINTS)
    drawn = samples[::every]
    nodes = list(samples[0]["resident_mib"])
    return [
        "What a node allocated, its own memory:",
        "",
        *_chart("Own MiB", "own_mib", drawn),
        "",
        "With it what is resident of files, which the kernel can read again and takes back when"
        " memory is short: programs, libraries and LevelDB's tables.",
        "",
        *_chart("Resident MiB", "resident_mib", drawn),
        "",
        "The same in figures, in MiB; in brackets the node's own:",
        "",
        _row("thousand transactions", *nodes),
        _row(*["---"] * (1 + len(nodes))),
        *(
            _row(
                each["transactions"] // 1000,
                *(f"{each['resident_mib'][name]} ({each['own_mib'][name]})" for name in nodes),
            )
            for each in drawn
        ),
        "",
        "What a node gained from one quarter of the run to the next, in MiB; in brackets what"
        " of that is its own:",
        "",
        _row("quarter", *nodes),
        _row(*["---"] * (1 + len(nodes))),
        *_gains(samples, nodes),
    ]


def _chart(title: str, kind: str, drawn: list[Sample]) -> list[str]:
    """Return a Mermaid chart of one kind of memory, with a line for each node."""
    lines = {name: [each[kind][name] for each in drawn] for name in drawn[0][kind]}
    thousands = [each["transactions"] // 1000 for each in drawn]
    return [
        "```mermaid",
        "xychart-beta",
        f'    title "{title} of each node ({", ".join(lines)})"',
        f'    x-axis "Thousand transactions" {thousands}',
        f'    y-axis "MiB" 0 --> {1.2 * max(map(max, lines.values())):.0f}',
        *(f"    line {values}" for values in lines.values()),
        "```",
    ]


def _gains(samples: list[Sample], nodes: list[str]) -> list[str]:
    """Return a row for each quarter; the first quarter's gain is that of a node warming up."""
    last = len(samples) - 1
    corners = [samples[last * quarter // 4] for quarter in range(5)]

    def gain(name: str, early: Sample, late: Sample) -> str:
        resident, own = (
            late[kind][name] - early[kind][name] for kind in ("resident_mib", "own_mib")
        )
        return f"{resident:+.1f} ({own:+.1f})"

    return [
        _row(number, *(gain(name, early, late) for name in nodes))
        for number, (early, late) in enumerate(pairwise(corners), 1)
    ]


def _kinds(samples: list[dict[str, float]]) -> list[str]:
    """Return what grows: the samples of a store alone, one for each tenth of the run."""
    last = len(samples) - 1
    columns = ("tables", "allocated_mib", "mapped_tables_mib", "resident_mib")
    return [
        "## What grows",
        "",
        "What comes and goes in steps are pages of LevelDB's tables. It maps these files into"
        " memory, at most `store_mapped_bytes` of each channel, and the kernel counts pages that"
        " were touched as resident: those of all tables that a compaction reads and writes, until"
        " it deletes them. They are not the node's own: the kernel takes them back when memory is"
        " short. What a peer allocates for its store does not grow, but for index and filter of"
        " each open table, some 7 % of it, up to the same bound.",
        "",
        "`python -m bench.store_memory` tells the kinds apart. It writes the rows of the same"
        " transactions to a store that is alone in its process. Resident MiB:",
        "",
        _row("thousand transactions", "tables", "allocated", "pages of tables", "all"),
        _row(*["---"] * 5),
        *(
            _row(round(each["transactions"] / 1000), *(each[column] for column in columns))
            for each in (samples[last * tenth // 10] for tenth in range(11))
        ),
    ]


def _machine(machine: dict[str, object]) -> str:
    return f"{machine['cores']} cores ({machine['processor']}), Python {machine['python']}"


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
