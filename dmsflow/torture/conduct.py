"""Conducts a torture: an undisturbed run of some days, then rounds of disturbed ones, compared day by day."""

import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from dmsflow.errors import DmsflowError, PlanRefused
from dmsflow.model.result import RunReport
from dmsflow.torture.child import DEFECT, Ended, run_child
from dmsflow.torture.dimensions import fill_place
from dmsflow.torture.disturbance import Chance, Disturbance, Kind, Measure
from dmsflow.torture.judge import look
from dmsflow.torture.result import DayWork, Deed, TortureReport
from dmsflow.torture.scratch import DAYS, Place, Scratch
from dmsflow.torture.seam import Watchman

AGAIN = 0.6
"""How likely an apply that comes after a disturbed one is disturbed too."""
TWICE = 0.25
"""How likely a day that is loaded is loaded once more."""
MOST_IN_A_DAY = 6
LAST_LINES = 12
RESUMING = "resuming run "


class Apply(Protocol):
    """The ``apply`` command, with another way to open databases and somebody who watches."""

    def __call__(self, spec: Path, ledger: Path, report: Path, watchman: Watchman) -> int:
        """Its exit code; the report goes into a file."""
        ...


class Prepared(Struct, frozen=True, kw_only=True):
    """What the preparation found: the rewritten spec, and how many rows are of use."""

    base: dict[str, Any]
    rows: int
    generated: bool
    note: str = ""


class Limits(Struct, frozen=True, kw_only=True):
    """When enough is done: so many kills, or so many seconds, whichever comes first; one of the two is given."""

    kills: int | None = None
    seconds: float | None = None


class Difference(Exception):
    """The promise is broken: what a place holds is not what it should hold."""

    def __init__(self, found: tuple[str, ...]) -> None:
        super().__init__("; ".join(found))
        self.found = found


class Torture:
    """One torture, from its scratch to its report."""

    def __init__(
        self, scratch: Scratch, prepared: Prepared, apply: Apply, seed: int, tell: Callable[[str], None]
    ) -> None:
        self._scratch, self._prepared, self._apply = scratch, prepared, apply
        self._seed, self._tell = seed, tell
        self._chance = Chance(seed)
        self._started = time.perf_counter()
        self._measures: dict[int, Measure] = {}
        self._done: Counter[Kind] = Counter()
        self._unfinished: Counter[Kind] = Counter()
        self._rounds = self._days = self._applies = self._kills = self._resumes = 0
        self._wanted = scratch.place("undisturbed")
        self._open: list[Place] = []
        self._work: list[DayWork] = []

    def run(self, limits: Limits) -> TortureReport:
        """Torture until a limit is reached or a difference is found, which keeps its scratch."""
        differences: tuple[str, ...] = ()
        try:
            self._begin(self._wanted)
            for day in DAYS:
                self._scratch.begin_day(day)
                self._measure(day)
            while not self._is_enough(limits):
                self._round(limits)
        except Difference as difference:
            differences = difference.found
        finally:
            if not differences:
                self._clean()
        return self._report(differences)

    def _is_enough(self, limits: Limits) -> bool:
        late = limits.seconds is not None and time.perf_counter() - self._started > limits.seconds
        return late or (limits.kills is not None and self._kills >= limits.kills)

    def _begin(self, place: Place) -> None:
        self._scratch.prepare(place, self._prepared.base)
        self._open.append(place)

        def make() -> None:
            self._scratch.make_schema(place)
            fill_place(self._scratch, place)

        must(run_child(lambda: _quietly(make), place.log), place)

    def _measure(self, day: int) -> None:
        """Load the day undisturbed: what it leaves is what every other place must hold."""
        place, measured = self._wanted, self._wanted.folder / "measure.json"

        def work() -> int:
            watchman = Watchman()
            code = self._apply(place.spec_file, place.ledger, place.report, watchman)
            measured.write_bytes(msgspec.json.encode((watchman.calls, watchman.commits)))
            return code

        ended = run_child(work, place.log)
        if ended.code != 0:
            raise PlanRefused(f"the spec does not load its scratch data even undisturbed: {_last_lines(place)}")
        calls, commits = msgspec.json.decode(measured.read_bytes(), type=tuple[int, int])
        self._measures[day] = Measure(calls=calls, commits=commits, seconds=ended.seconds)
        self._judge(place, day, None)
        ran = msgspec.json.decode(place.report.read_bytes(), type=RunReport)
        self._work.append(DayWork(day=day, chunks=ran.chunks.total, rows=ran.rows))

    def _round(self, limits: Limits) -> None:
        """All days in a fresh place."""
        self._rounds += 1
        place = self._scratch.place(f"round_{self._rounds}")
        self._begin(place)
        for day in DAYS:
            self._scratch.begin_day(day)
            self._load_day(place, day, limits)
            self._days += 1
            wanted = "" if limits.kills is None else f" of {limits.kills}"
            self._tell(f"round {self._rounds}, day {day}: {self._kills}{wanted} kills, {self._applies} applies")
        self._open.remove(place)
        self._forget(place)

    def _load_day(self, place: Place, day: int, limits: Limits) -> None:
        """Apply, disturbed and again, until a run succeeds; then nothing may differ."""
        loaded, tries = False, 0
        while not loaded and tries < MOST_IN_A_DAY and not self._is_enough(limits):
            if tries and not self._chance.chooses(AGAIN):
                break
            tries += 1
            loaded = self._load_disturbed(place, day)
        if not loaded or self._chance.chooses(TWICE):
            self._load_in_peace(place, day)

    def _load_disturbed(self, place: Place, day: int) -> bool:
        """One disturbed apply; whether it succeeded all the same."""
        disturbance = self._chance.choose(self._measures[day], day)
        if self._disturb(place, disturbance).code != 0:
            self._unfinished[disturbance.kind] += 1
            return False
        self._judge(place, day, self._wanted)
        return True

    def _disturb(self, place: Place, disturbance: Disturbance) -> Ended:
        """One disturbed apply."""
        self._done[disturbance.kind] += 1
        moment = disturbance.moment if disturbance.kind is Kind.KILLED_AT_MOMENT else None
        ended = self._run_apply(place, Watchman(disturbance), moment)
        if ended.code == DEFECT or ended.hung:
            raise Difference((f"an apply {_told(ended)} ({disturbance}): {_last_lines(place)}",))
        if ended.code == -signal.SIGKILL:
            self._kills += 1
        return ended

    def _load_in_peace(self, place: Place, day: int) -> None:
        ended = self._run_apply(place, Watchman(), None)
        if ended.code != 0:
            raise Difference((f"an apply that nothing disturbed {_told(ended)}: {_last_lines(place)}",))
        self._judge(place, day, self._wanted)

    def _run_apply(self, place: Place, watchman: Watchman, kill_after: float | None) -> Ended:
        self._applies += 1
        before = place.log.stat().st_size

        def work() -> int:
            return self._apply(place.spec_file, place.ledger, place.report, watchman)

        ended = run_child(work, place.log, kill_after)
        self._resumes += RESUMING in place.log.read_bytes()[before:].decode("utf-8", "replace")
        return ended

    def _judge(self, place: Place, day: int, wanted: Place | None) -> None:
        verdict = place.folder / "verdict.json"

        def work() -> int:
            verdict.write_bytes(msgspec.json.encode(look(place, day, wanted)))
            return 0

        must(run_child(work, place.log), place)
        found = msgspec.json.decode(verdict.read_bytes(), type=tuple[str, ...])
        if found:
            raise Difference(tuple(f"{place.folder.name}, {line}" for line in found))

    def _forget(self, place: Place) -> None:
        if place.schema:
            run_child(lambda: _quietly(lambda: self._scratch.drop_schema(place)), place.log)
        shutil.rmtree(place.folder, ignore_errors=True)

    def _clean(self) -> None:
        for place in self._open:
            self._forget(place)
        shutil.rmtree(self._scratch.root, ignore_errors=True)

    def _report(self, differences: tuple[str, ...]) -> TortureReport:
        return TortureReport(
            pipeline=self._prepared.base["pipeline"],
            engine=self._scratch.engine,
            seed=self._seed,
            rows=self._prepared.rows,
            generated=self._prepared.generated,
            rounds=self._rounds,
            days=self._days,
            applies=self._applies,
            kills=self._kills,
            resumes=self._resumes,
            seconds=round(time.perf_counter() - self._started, 1),
            work=tuple(self._work),
            disturbances=tuple(
                Deed(kind=kind, count=self._done[kind], unfinished=self._unfinished[kind])
                for kind in Kind
                if self._done[kind]
            ),
            differences=differences,
            scratch=str(self._scratch.root) if differences else None,
            schemas=tuple(place.schema for place in self._open if place.schema) if differences else (),
        )


def must(ended: Ended, place: Place) -> None:
    """Raise PlanRefused, with what the child said, where it did not end well."""
    if ended.code != 0:
        raise PlanRefused(_last_lines(place) or f"a child of torture {_told(ended)}")


def _quietly(work: Callable[[], None]) -> int:
    """Do the work; what dmsflow refuses is told in one line."""
    try:
        work()
    except DmsflowError as error:
        import sys

        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _told(ended: Ended) -> str:
    if ended.hung:
        return f"did not end within {ended.seconds:.0f} s"
    return f"was killed by signal {-ended.code}" if ended.code < 0 else f"ended with exit code {ended.code}"


def _last_lines(place: Place) -> str:
    text = place.log.read_text(encoding="utf-8", errors="replace") if place.log.exists() else ""
    return " | ".join(line.strip() for line in text.splitlines()[-LAST_LINES:] if line.strip())
