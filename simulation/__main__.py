"""``python -m simulation``: many seeds on all cores, or one seed told in full."""

import argparse
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import Final

from simulation.coverage import Fault
from simulation.run import Result, run_seed

SEEDS: Final = 200
_ENOUGH_FOR_COVERAGE: Final = 200
"""From how many seeds on every kind of fault must have been met."""


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--seeds", type=_positive, default=SEEDS, help="how many (%(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first one (%(default)s)")
    parser.add_argument("--seed", type=int, help="only this one, told in full")
    options = parser.parse_args(arguments)
    with _quiet():
        if options.seed is not None:
            return _tell(run_seed(options.seed))
        return _run(range(options.first, options.first + options.seeds))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the logs of nodes to themselves: the log of a run says what happened to them."""
    former = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(former)


def _run(seeds: range) -> int:
    """Run seeds, print what they amount to, and return the exit status."""
    began_s = time.monotonic()
    results = list(_shown(_in_parallel(seeds)))
    print(f"{summary(results)}, in {time.monotonic() - began_s:.0f} s")
    counts = total(results)
    print(coverage_table(counts))
    missed = [fault for fault in Fault if not counts[fault.name]]
    if missed and len(results) >= _ENOUGH_FOR_COVERAGE:
        print("never reached: " + ", ".join(fault.value for fault in missed), file=sys.stderr)
        return 1
    return 1 if any(result.problem for result in results) else 0


def summary(results: Iterable[Result]) -> str:
    """Return how many seeds held, and how much happened in them."""
    results = list(results)
    failed = [result.seed for result in results if result.problem]
    ended: Counter[str] = Counter()
    for result in results:
        ended.update(result.ended)
    blocks = sum(result.blocks for result in results)
    verdict = f"{len(failed)} failed: {failed}" if failed else "all held"
    return (
        f"{len(results)} seeds, {verdict}; {sum(ended.values())} calls, {ended['0']} of them valid,"
        f" {blocks} blocks"
    )


def total(results: Iterable[Result]) -> Counter[str]:
    """Return how often each kind of fault took effect in all seeds together."""
    counts: Counter[str] = Counter()
    for result in results:
        counts.update(result.counts)
    return counts


def coverage_table(counts: Counter[str]) -> str:
    """Return one line for each kind of fault."""
    return "\n".join(f"  {counts[fault.name]:>8}  {fault.value}" for fault in Fault)


def _in_parallel(seeds: Iterable[int]) -> Iterator[Result]:
    workers = os.cpu_count() or 1
    # Not forked: a copy of a process with threads of libraries in it may hang.
    quiet = partial(logging.disable, logging.CRITICAL)
    with ProcessPoolExecutor(workers, get_context("spawn"), quiet) as pool:
        yield from pool.map(run_seed, seeds)


def _shown(results: Iterable[Result]) -> Iterator[Result]:
    """Yield results; print what happened in those that failed, as soon as it is known."""
    for result in results:
        if result.problem:
            _tell(result)
        yield result


def _tell(result: Result) -> int:
    """Print everything that happened in a seed; return the exit status."""
    print("\n".join(result.log))
    print(coverage_table(result.counts))
    print(f"seed {result.seed}: {result.problem or 'all held'}; trace {result.trace}")
    if result.problem:
        print(f"replay it: make simulate SEED={result.seed}", flush=True)
    return 1 if result.problem else 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
