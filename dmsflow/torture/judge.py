"""Compares what a place holds after a day with what the undisturbed one held: table, checkpoint, rejects, accounting.

Run instants differ from place to place: where a table has one, the day of its run stands in its stead.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct, field

from dmsflow.compiler.known_shapes import KnownShapes
from dmsflow.compiler.load import load_spec
from dmsflow.engines.access import open_access
from dmsflow.engines.duckdb import DuckDBEngine, DuckDBSession
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.engines.engine import Engine, Row, Session
from dmsflow.ledger import open_ledger
from dmsflow.marks.names import CHECKPOINT, CHUNK, COUNTS, REJECT
from dmsflow.model.previous import find_previous
from dmsflow.model.result import RunReport
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import TableName
from dmsflow.torture.scratch import Place

BATCH_ROWS = 50_000
MOST_RUNS = 10_000
SHOWN = 3
INSTANTS = ("valid_from", "valid_to", "inserted_at", "modified_at")
REJECTED = ("row_key", "column_name", "column_value", "reason")
WROTE = ("inserted", "versioned", "updated")
quote = DuckDBIdioms().quote


class Notes(Struct, kw_only=True):
    """What is known of a place: its runs by the day they began on, those that ended, and what each day left."""

    instants: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    watermarks: dict[int, str] = field(default_factory=dict)
    counts: dict[int, dict[str, int]] = field(default_factory=dict)


def read_notes(place: Place) -> Notes:
    """The notes of a place; empty ones where there are none yet."""
    return msgspec.json.decode(place.notes.read_bytes(), type=Notes) if place.notes.exists() else Notes()


class Looking(Struct, frozen=True, kw_only=True):
    """A place, opened: its target, and a database of the judge's own."""

    place: Place
    spec: PipelineSpec
    engine: Engine
    target: Session
    desk: DuckDBSession

    def name(self, table: str) -> str:
        """A table of dmsflow's own, as statements of the target name it."""
        whole = self.engine.locate(self.spec.target.table)
        return self.engine.idioms.qualify(TableName(table=table, schema=whole.schema, catalog=whole.catalog))

    def ask(self, what: str, table: str, condition: str = "") -> list[Row]:
        """Rows of one of dmsflow's own tables."""
        return self.target.fetch(f"SELECT {what} FROM {self.name(table)} {condition}")


def look(place: Place, day: int, wanted: Place | None) -> tuple[str, ...]:
    """Keep what the place holds after the day, and say how it differs from the wanted place."""
    spec = load_spec(place.spec_file, known=KnownShapes.beside(place.spec_file)).raise_if_rejected()
    desk = DuckDBEngine(None)
    with open_access(spec) as access, closing(access.open_target()) as target, closing(desk.connect()) as session:
        looking = Looking(place=place, spec=spec, engine=access.target, target=target, desk=session)
        notes = read_notes(place)
        problems = [*_take_notes(looking, notes, day)]
        problems += _keep_table(looking, notes, day)
        _keep_rejects(looking, notes, day)
        if wanted is not None:
            problems += _compare_notes(notes, read_notes(wanted), day)
            for name in ("table", "rejects"):
                problems += _compare_rows(looking, _kept(place, name, day), _kept(wanted, name, day), name)
    desk.close()
    place.notes.write_bytes(msgspec.json.encode(notes))
    return tuple(f"day {day}: {problem}" for problem in problems)


def _take_notes(looking: Looking, notes: Notes, day: int) -> Iterator[str]:
    """Learn the day's runs; every one but the first that ended must have written nothing (law 9)."""
    with open_ledger(looking.place.ledger, clock=lambda: datetime.now(UTC)) as ledger:
        for run in ledger.runs(limit=MOST_RUNS):
            notes.instants.setdefault(f"{run.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}", day)
    sums = ", ".join(f"sum(rows_{name})" for name in COUNTS)
    order = "WHERE run_ended_at IS NOT NULL GROUP BY run_id ORDER BY min(run_ended_at)"
    today = [row for row in looking.ask(f"run_id, {sums}", CHUNK, order) if str(row[0]) not in notes.ended]
    if not today and day not in notes.counts:
        yield "no run has ended"
    for found, *numbers in today:
        run_id = str(found)
        counts = {name: int(str(number or 0)) for name, number in zip(COUNTS, numbers, strict=True)}
        notes.ended[run_id] = day
        if day not in notes.counts:
            notes.counts[day] = counts
            yield from _check_report(looking.place, run_id, counts)
        elif wrote := [f"{counts[name]} {name}" for name in WROTE if counts[name]]:
            yield f"a second run of the same rows wrote: {', '.join(wrote)}"
    open_marks = int(str(looking.ask("count(*)", CHUNK, "WHERE run_ended_at IS NULL")[0][0]))
    if open_marks:
        yield f"{open_marks} chunks are marked as loaded by a run that has not ended"
    notes.watermarks[day] = str(looking.ask("watermark", CHECKPOINT))


def _check_report(place: Place, run_id: str, marked: dict[str, int]) -> Iterator[str]:
    """The report of the run that loaded the day says what its marks say."""
    report = msgspec.json.decode(place.report.read_bytes(), type=RunReport)
    if report.run_id != run_id:
        return
    told = {name: getattr(report.rows, name) for name in COUNTS}
    if told != marked:
        yield f"the report says {told}, the marks say {marked}"
    if not report.rows.balanced:
        yield f"the report's rows do not add up: {told}"


def _compare_notes(notes: Notes, wanted: Notes, day: int) -> Iterator[str]:
    if notes.watermarks[day] != wanted.watermarks[day]:
        yield f"checkpoint: {notes.watermarks[day]} instead of {wanted.watermarks[day]}"
    counts = notes.counts.get(day)
    if counts is not None and counts != wanted.counts[day]:
        yield f"accounting: {counts} instead of {wanted.counts[day]}"


def _keep_table(looking: Looking, notes: Notes, day: int) -> Iterator[str]:
    """The target's rows without surrogate keys, each run instant as the day of its run: there is one a day (law 19)."""
    fields, desk = looking.spec.scd.fields, looking.desk
    table = looking.engine.locate(looking.spec.target.table)
    shape = looking.target.describe_table(table)
    assert shape is not None, "a run has ended, and there is no table"
    surrogate = (fields.surrogate_key or f"{table.table}_sk").lower()
    names = [name for name in shape.names if name.lower() != surrogate]
    instants = {str(getattr(fields, name)).lower() for name in INSTANTS}
    instants |= {kept.since.lower() for kept in find_previous(looking.spec.columns)}
    listed = ", ".join(looking.engine.idioms.quote(name) for name in names)
    sql = f"SELECT {listed} FROM {looking.engine.idioms.qualify(table)}"
    desk.register("incoming", looking.target.stream(sql, {}, BATCH_ROWS))
    desk.execute("CREATE TABLE got AS SELECT * FROM incoming")
    desk.unregister("incoming")
    desk.execute("CREATE TABLE runs (instant TIMESTAMP, day INTEGER)")
    for at, of_day in notes.instants.items():
        desk.execute("INSERT INTO runs VALUES (CAST($at AS TIMESTAMP), $day)", {"at": at, "day": of_day})
    known = [quote(name) for name in names if name.lower() in instants]
    if known:
        every = " UNION ".join(f"SELECT CAST({name} AS TIMESTAMP) AS instant FROM got" for name in known)
        sql = f"SELECT count(DISTINCT instant) FROM ({every}) JOIN runs USING (instant) WHERE day = $day"
        count = int(str(desk.fetch(sql, {"day": day})[0][0]))
        if count > 1:
            yield f"the rows of the day have {count} run instants"
    picked = ", ".join(_day_of(name) if name.lower() in instants else quote(name) for name in names)
    desk.execute(f"COPY (SELECT {picked} FROM got) TO '{_kept(looking.place, 'table', day)}' (FORMAT parquet)")


def _day_of(name: str) -> str:
    """A column of instants: that of a run is named by its day, any other stays as it is."""
    at = f"CAST({quote(name)} AS TIMESTAMP)"
    known = f"(SELECT 'run of day ' || min(day) FROM runs WHERE instant = {at})"
    return f"coalesce({known}, CAST({quote(name)} AS VARCHAR)) AS {quote(name)}"


def _keep_rejects(looking: Looking, notes: Notes, day: int) -> None:
    """The rejects of the run that loaded the day."""
    run_id = next(run for run, of_day in notes.ended.items() if of_day == day) if day in notes.counts else ""
    desk, listed = looking.desk, ", ".join(REJECTED)
    sql = f"SELECT {listed} FROM {looking.name(REJECT)} WHERE run_id = '{run_id}'"
    desk.register("incoming", looking.target.stream(sql, {}, BATCH_ROWS))
    desk.execute(f"COPY (SELECT * FROM incoming) TO '{_kept(looking.place, 'rejects', day)}' (FORMAT parquet)")
    desk.unregister("incoming")


def _kept(place: Place, name: str, day: int) -> Path:
    return place.folder / f"{name}_{day}.parquet"


def _compare_rows(looking: Looking, got: Path, wanted: Path, what: str) -> Iterator[str]:
    """Rows that only one of two kept tables has."""
    for here, there, told in ((got, wanted, "too many"), (wanted, got, "missing")):
        differ = f"(SELECT * FROM '{here}' EXCEPT ALL SELECT * FROM '{there}')"
        count = int(str(looking.desk.fetch(f"SELECT count(*) FROM {differ}")[0][0]))
        if count:
            shown = looking.desk.fetch(f"SELECT * FROM {differ} ORDER BY ALL LIMIT {SHOWN}")
            yield f"{what}: {count:,} rows {told}, such as {'; '.join(str(row) for row in shown)}"
