"""The page with the plot of a memory run, made from the JSON of that run."""

import json
from collections.abc import Iterator
from pathlib import Path
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
            *_of_orderers(samples),
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


def _of_orderers(samples: list[Sample]) -> list[str]:
    """Return how an orderer's own memory rose with its blocks, after the first tenth of the run."""
    first, last = samples[len(samples) // 10], samples[-1]
    blocks = last["blocks"] - first["blocks"]
    names = [name for name in last["own_mib"] if name.startswith("orderer")]
    rises = (
        f"{name} {(last['own_mib'][name] - first['own_mib'][name]) * 2**20 / blocks:.0f} bytes"
        for name in names
    )
    return [
        "Of an orderer's own memory the write buffer of its store, which takes some 150 bytes of"
        " each block, that is of its place in the files of blocks, until it is written at 16 MiB:"
        f" after some 100,000 blocks. In this run there were {last['blocks']:,}. Beyond the first"
        f" tenth of them, what it held rose by block as follows: {', '.join(rises)}.",
    ]


def _kinds(samples: list[dict[str, float]]) -> list[str]:
    """Return what grows: the samples of a store alone, one for each tenth of the run."""
    last = len(samples) - 1
    columns = ("tables", "allocated_mib", "mapped_tables_mib", "resident_mib")
    return [
        "Of a peer's own memory index and filter of each table that its store has open, some 7 % of"
        " it, and the cache of what was read of them, at most 32 MiB: a few MiB in a million"
        " transactions. Beside them pages of LevelDB's tables come and go. It maps these files into"
        " memory, at most `store_mapped_bytes` of each channel, and the kernel counts pages that"
        " were touched as resident: those of all tables that a compaction reads and writes, until"
        " it deletes them. What is kept of open tables, mapped or own, ends at that bound.",
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
