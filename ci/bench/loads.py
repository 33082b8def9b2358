"""Three loads of each pair and type by both programs in turn, checked equal. Prints nothing."""

import shutil
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace

from ci.bench.pairs import PAIRS
from ci.bench.programs import Measured, run_by_hand, run_dmsflow
from ci.bench.sites import Site, Workload, open_site

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


def measure_pair(
    workload: Workload, name: str, scd: str, repeats: int, tell: Callable[[str], None]
) -> tuple[Outcome, ...]:
    """All loads of one pair and type. Raises ProgramFailed when a program fails or the two targets differ."""
    runs: dict[str, Runs] = {load: {name: [] for name in PROGRAMS} for load in LOADS}
    title = PAIRS[name].title
    for repeat in range(repeats):
        tell(f"{workload.rows:,} rows, {title}, type {scd}, {repeat + 1} of {repeats}")
        _repeat_loads(workload, name, scd, runs, first=repeat % 2)
    return tuple(
        Outcome(
            rows=workload.rows,
            pair=title,
            scd=scd,
            load=load,
            by_hand=take_median(runs[load]["by_hand"]),
            dmsflow=take_median(runs[load]["dmsflow"]),
        )
        for load in LOADS
    )


def _repeat_loads(workload: Workload, name: str, scd: str, runs: dict[str, Runs], *, first: int) -> None:
    """The three loads once, the programs taking turns at each; ``first`` begins."""
    programs = list(PROGRAMS)
    with open_site(workload, name, programs) as site:
        for load, day in LOADS.items():
            site.turn_to(day)
            for program in (programs[first], programs[1 - first]):
                runs[load][program].append(measure_load(site, program, scd))
            site.compare(scd)
            site.rest()


def measure_load(site: Site, program: str, scd: str) -> Measured:
    """One load by one program, its server's work included."""
    server = site.workload.server if site.pair.needs_server else None
    before = server.cpu_seconds() if server else 0.0
    measured = PROGRAMS[program](site.place(program), scd)
    used = server.cpu_seconds() - before if server else 0.0
    return replace(measured, cpu_seconds=measured.cpu_seconds + used)


def measure_history(workload: Workload, versions: int, repeats: int) -> tuple[Measured, Measured]:
    """The second load of type 2 by dmsflow: without history, and with closed versions before every current row."""
    plain: list[Measured] = []
    aged: list[Measured] = []
    with open_site(workload, "duckdb", ["dmsflow"]) as site:
        target = site.place("dmsflow").folder / "target.duckdb"
        kept = {0: site.folder / "plain.kept", versions: site.folder / "aged.kept"}
        site.turn_to("today")
        measure_load(site, "dmsflow", "2")
        shutil.copy(target, kept[0])
        workload.run("workload", "history", str(target), str(versions))
        shutil.copy(target, kept[versions])
        site.turn_to("tomorrow")
        for _ in range(repeats):
            for count, taken in ((0, plain), (versions, aged)):
                shutil.copy(kept[count], target)
                taken.append(measure_load(site, "dmsflow", "2"))
    return take_median(plain), take_median(aged)


def take_median(runs: list[Measured]) -> Measured:
    """The median of each figure; the most of the memory."""
    return Measured(
        seconds=statistics.median(run.seconds for run in runs),
        cpu_seconds=statistics.median(run.cpu_seconds for run in runs),
        peak_mib=max(run.peak_mib for run in runs),
    )
