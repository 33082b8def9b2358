"""How long dmsflow takes to do next to nothing: its help, one spec validated, ten rows applied. Prints nothing."""

import tempfile
from pathlib import Path

from ci.bench.loads import take_median
from ci.bench.pairs import PAIRS
from ci.bench.programs import DMSFLOW, Measured, Place, run_dmsflow, run_module, run_program, write_spec

TARGETS = {"--help": 0.3, "validate": 0.5, "apply of ten rows": 1.0}
"""Seconds that each may take."""


def measure_starts(repeats: int) -> dict[str, Measured]:
    """Medians by name."""
    runs: dict[str, list[Measured]] = {name: [] for name in TARGETS}
    with tempfile.TemporaryDirectory(prefix="dmsflow-bench-") as made:
        folder = Path(made)
        place = Place(pair=PAIRS["duckdb"], folder=folder, source=str(folder / "today.duckdb"))
        run_module("workload", "write", made, "10")
        (folder / "customers.yaml").write_text(write_spec(place, "2"), encoding="utf-8")
        for _ in range(repeats):
            runs["--help"].append(run_program([str(DMSFLOW), "--help"], folder))
            runs["validate"].append(run_program([str(DMSFLOW), "validate", "customers.yaml"], folder))
            runs["apply of ten rows"].append(run_dmsflow(place, "2"))
    return {name: take_median(measured) for name, measured in runs.items()}
