"""``python -m ci.bench``: measures, prints a table of ratios, and writes JSON where asked to."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ci.bench.loads import SCDS, Outcome, measure_history, measure_pair
from ci.bench.pairs import PAIRS
from ci.bench.programs import Measured
from ci.bench.sites import made_workload
from ci.bench.starts import TARGETS, measure_starts

HISTORY_VERSIONS = 10
HEAD = (
    f"{'rows':>10}  {'pair':<26}{'type':<8}{'load':<6}"
    f"{'by hand':>9}{'dmsflow':>9}{'ratio':>7}{'cpu':>6}{'peak MiB':>14}"
)


def main(words: Sequence[str] | None = None) -> int:
    """Run what the options ask for; the exit status."""
    options = read_options(words)
    outcomes: list[Outcome] = []
    print(HEAD)
    for rows in options.rows:
        with made_workload(rows, options.pairs, options.folder) as workload:
            for name in options.pairs:
                for scd in options.types:
                    found = measure_pair(workload, name, scd, options.repeats, tell)
                    outcomes += found
                    print(*map(write_line, found), sep="\n", flush=True)
    history = measure_histories(options) if options.history else None
    starts = {} if options.no_starts else measure_starts(options.repeats)
    for name, measured in starts.items():
        print(f"{name}: {measured.seconds:.2f} s, may take {TARGETS[name]:g} s, {measured.peak_mib:.0f} MiB")
    if options.json:
        options.json.write_text(json.dumps(describe(outcomes, starts, history), indent=1) + "\n", encoding="utf-8")
    return 0


def read_options(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m ci.bench", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000], help="sizes of the table")
    parser.add_argument("--pairs", nargs="+", choices=PAIRS, default=list(PAIRS), help="source and target")
    parser.add_argument("--types", nargs="+", choices=SCDS, default=list(SCDS), help="types of change")
    parser.add_argument("--repeats", type=int, default=3, help="runs of which the median is taken")
    parser.add_argument("--history", action="store_true", help="also with ten closed versions of every row")
    parser.add_argument("--no-starts", action="store_true", help="leave out the start-up times")
    parser.add_argument("--folder", type=Path, help="where to put the tables; default: the temporary folder")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    return parser.parse_args(words)


def measure_histories(options: argparse.Namespace) -> tuple[Measured, Measured]:
    """The second load without and with history, at the largest size."""
    rows = max(options.rows)
    with made_workload(rows, ("duckdb",), options.folder) as workload:
        plain, aged = measure_history(workload, HISTORY_VERSIONS, options.repeats)
    print(
        f"history: {plain.seconds:.2f} s without, {aged.seconds:.2f} s with {HISTORY_VERSIONS} closed versions a row, "
        f"ratio {aged.seconds / plain.seconds:.2f}, peak {aged.peak_mib:.0f} MiB"
    )
    return plain, aged


def write_line(outcome: Outcome) -> str:
    """One line of the table."""
    peaks = f"{outcome.by_hand.peak_mib:.0f} {outcome.dmsflow.peak_mib:.0f}"
    return (
        f"{outcome.rows:>10,}  {outcome.pair:<26}{outcome.scd:<8}{outcome.load:<6}{outcome.by_hand.seconds:>9.2f}"
        f"{outcome.dmsflow.seconds:>9.2f}{outcome.ratio:>7.2f}{outcome.cpu_ratio:>6.2f}{peaks:>14}"
    )


def describe(
    outcomes: list[Outcome], starts: dict[str, Measured], history: tuple[Measured, Measured] | None
) -> dict[str, object]:
    """Everything measured, as JSON has it."""
    return {
        "loads": [asdict(o) | {"ratio": o.ratio, "cpu_ratio": o.cpu_ratio} for o in outcomes],
        "starts": {name: asdict(measured) for name, measured in starts.items()},
        "history": {"plain": asdict(history[0]), "aged": asdict(history[1])} if history else None,
    }


def tell(what: str) -> None:
    """Say on a terminal what is being measured."""
    if sys.stderr.isatty():
        print(what, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
