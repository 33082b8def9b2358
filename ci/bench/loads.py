"""Three loads of each pair and type by both programs in turn, checked equal. Prints nothing."""

import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ci.bench.programs import KINDS, Measured, run_by_hand, run_dmsflow, run_module

LOADS = {"L1": "today", "L2": "tomorrow", "L3": "tomorrow"}
SCDS = ("1", "2", "append")
PROGRAMS = {"by_hand": run_by_hand, "dmsflow": run_dmsflow}

Runs = dict[str, list[Measured]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One load of one pair and type: medians of both programs."""

    rows: int
    pair: str
    scd: str
    load: str
    by_hand: Measured
    dmsflow: Measured

    @property
    def ratio(self) -> float:
        """Wall time of dmsflow in that of the hand-written program."""
        return self.dmsflow.seconds / self.by_hand.seconds

    @property
    def cpu_ratio(self) -> float:
        """The same of the cores' time, which others on the machine disturb less."""
        return self.dmsflow.cpu_seconds / self.by_hand.cpu_seconds


@contextmanager
def made_workload(rows: int, kinds: Iterable[str] = KINDS, folder: Path | None = None) -> Iterator[Path]:
    """A folder with both days of workload W, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="dmsflow-bench-", dir=folder) as made:
        run_module("workload", "write", made, str(rows), *kinds)
        yield Path(made)


def measure_pair(
    workload: Path, rows: int, kind: str, scd: str, repeats: int, tell: Callable[[str], None]
) -> tuple[Outcome, ...]:
    """All loads of one pair and type. Raises ProgramFailed when a program fails or the two targets differ."""
    runs: dict[str, Runs] = {load: {name: [] for name in PROGRAMS} for load in LOADS}
    for repeat in range(repeats):
        tell(f"{rows:,} rows, {kind} to duckdb, type {scd}, {repeat + 1} of {repeats}")
        _repeat_loads(workload, kind, scd, runs, first=repeat % 2)
    return tuple(
        Outcome(
            rows=rows,
            pair=f"{kind} to duckdb",
            scd=scd,
            load=load,
            by_hand=take_median(runs[load]["by_hand"]),
            dmsflow=take_median(runs[load]["dmsflow"]),
        )
        for load in LOADS
    )


def _repeat_loads(workload: Path, kind: str, scd: str, runs: dict[str, Runs], *, first: int) -> None:
    """The three loads once, the programs taking turns at each; ``first`` begins."""
    names = list(PROGRAMS)
    with tempfile.TemporaryDirectory(prefix="target-", dir=workload) as place:
        folders = {name: Path(place) / name for name in names}
        for folder in folders.values():
            folder.mkdir()
        for load, day in LOADS.items():
            source = point_to(workload / f"{day}.{kind}")
            for name in (names[first], names[1 - first]):
                runs[load][name].append(PROGRAMS[name](folders[name], source, scd))
            targets = [str(folder / "target.duckdb") for folder in folders.values()]
            run_module("same", *targets, scd)


def point_to(extract: Path) -> Path:
    """The one path that both programs read every day, with this day's extract behind it."""
    source = extract.with_stem("source")
    source.unlink(missing_ok=True)
    source.symlink_to(extract)
    return source


def measure_history(workload: Path, rows: int, versions: int, repeats: int) -> tuple[Measured, Measured]:
    """The second load of type 2 by dmsflow: without history, and with closed versions before every current row."""
    plain: list[Measured] = []
    aged: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="history-", dir=workload) as place:
        folder = Path(place)
        target, kept = folder / "target.duckdb", {0: folder / "plain.kept", versions: folder / "aged.kept"}
        run_dmsflow(folder, point_to(workload / "today.duckdb"), "2")
        shutil.copy(target, kept[0])
        run_module("workload", "history", str(target), str(versions))
        shutil.copy(target, kept[versions])
        for _ in range(repeats):
            for count, taken in ((0, plain), (versions, aged)):
                shutil.copy(kept[count], target)
                taken.append(run_dmsflow(folder, point_to(workload / "tomorrow.duckdb"), "2"))
    return take_median(plain), take_median(aged)


def take_median(runs: list[Measured]) -> Measured:
    """The median of each figure; the most of the memory."""
    return Measured(
        seconds=statistics.median(run.seconds for run in runs),
        cpu_seconds=statistics.median(run.cpu_seconds for run in runs),
        peak_mib=max(run.peak_mib for run in runs),
    )
