"""A spec verified: both databases opened to read, each in one state, compared; the history of the target checked."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from tempfile import TemporaryDirectory

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.compiler.assemble import make_builder
from dmsflow.compiler.build import Builder
from dmsflow.compiler.checkpoints import plan_checkpoint
from dmsflow.compiler.chunking import Cut
from dmsflow.compiler.compile import Examined, examine, place
from dmsflow.compiler.evolution.find import find_differences
from dmsflow.compiler.kept import keep_of
from dmsflow.compiler.load import LoadedSpec
from dmsflow.compiler.looked_up import staged_parts
from dmsflow.compiler.questions import source_sql
from dmsflow.compiler.transfers import Route, choose_checksum_route
from dmsflow.diagnostics import Diagnostic
from dmsflow.engines.access import Access
from dmsflow.engines.digests import DigestingIdioms, DigestWords
from dmsflow.engines.duckdb import DuckDBEngine, DuckDBSession
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.engines.engine import Engine, Idioms, Session, one_state
from dmsflow.errors import DatabaseError, PlanRefused, SpecRejected
from dmsflow.model.evolution import Change
from dmsflow.model.plan import CheckpointPlan, Side, Transfer
from dmsflow.model.spec import PipelineSpec, ScdType, param_values
from dmsflow.model.table import DataType, TypeName
from dmsflow.scd.shape import EFFECTIVE
from dmsflow.verify.asking import Asked
from dmsflow.verify.checksums import Questions, count_segments
from dmsflow.verify.columns import Choice, choose_columns
from dmsflow.verify.comparing import Outcome, compare
from dmsflow.verify.dimensions import copy_dimensions, find_dimensions
from dmsflow.verify.history import check_history, shape_versions
from dmsflow.verify.report import Kind, Rows, Verdict, Verification
from dmsflow.verify.sides import ALL, SideSql, actual_rows, expected_rows, name_staged

SCRATCH_MEMORY = "400MiB"

UNKNOWN_ROWS = 1_000_000
"""As many as are assumed where nobody knows: segments cost little."""


class Sessions(Struct, frozen=True, kw_only=True):
    """Who reads: one session for both sides where the target reads the source itself."""

    source: Session
    target: Session


def verify_history(loaded: LoadedSpec, engine: Engine, limit: int = 20) -> Verification:
    """The history of the target alone; the source may be anywhere. Raises PlanRefused where there is none."""
    started = time.perf_counter()
    spec = loaded.raise_if_rejected()
    table, loading = engine.locate(spec.target.table), _find_load(spec, engine)
    with closing(engine.connect()) as session, one_state(session):
        shape = session.describe_table(table)
        if shape is None:
            raise PlanRefused(_nothing_loaded(spec))
        place = replace(spec, target=replace(spec.target, table=table))
        history = check_history(session, engine.idioms, shape_versions(place, shape, engine.idioms), limit)
    return Verification(
        pipeline=spec.pipeline,
        verdict=Verdict.DIFFERENT if history.broken else Verdict.EQUAL,
        source=None,
        target=f"{spec.target.connection}: {spec.target.table}",
        rows=None,
        history=history,
        seconds=round(time.perf_counter() - started, 3),
        loading=loading,
    )


def _nothing_loaded(spec: PipelineSpec) -> str:
    return f"there is no table {spec.target.table} yet: nothing was loaded, so nothing can be verified"


def verify_spec(loaded: LoadedSpec, access: Access, limit: int = 20) -> Verification:
    """What the source would be loaded as, compared with what the target has. Writes to neither.

    Raises SpecRejected where the spec does not fit, PlanRefused where there is nothing to verify.
    """
    started = time.perf_counter()
    examined = examine(loaded, access)
    spec, facts = examined.spec, examined.facts
    if facts.target.shape is None:
        raise PlanRefused(_nothing_loaded(spec))
    _expect_followed(examined)
    builder, loading = _make_builder(examined, access), _find_load(spec, access.target)
    with _open(access, builder) as sessions:
        rows = _compare(loaded, builder, access, sessions, limit)
        history = (
            check_history(sessions.target, builder.target, builder.merge, limit) if builder.merge.history else None
        )
    differs = rows.counts.differs or (history is not None and bool(history.broken))
    return Verification(
        pipeline=spec.pipeline,
        verdict=Verdict.DIFFERENT if differs else Verdict.EQUAL,
        source=facts.source.label,
        target=f"{spec.target.connection}: {spec.target.table}",
        rows=rows,
        history=history,
        seconds=round(time.perf_counter() - started, 3),
        loading=loading,
    )


def _find_load(spec: PipelineSpec, engine: Engine) -> str | None:
    """Who loads the target just now; None where nobody does, or it is not to be seen."""
    with closing(engine.connect()) as session, suppress(DatabaseError):
        kept = keep_of(spec, engine, session)
        holder = kept.holder()
        if holder is not None and holder.is_alive(kept.clock()):
            return holder.describe(str(kept.table))
    return None


def _expect_followed(examined: Examined) -> None:
    """Raise PlanRefused where the table is not yet as the spec has it."""
    changing = (Change.RENAME, Change.RETYPE, Change.DROP)
    differences = find_differences(examined.spec, examined.facts)
    waiting = [it.what for it in differences if it.applied and it.change in changing]
    if waiting:
        raise PlanRefused(
            f"DMS420 table-has-to-follow: {examined.spec.target.table} changes with the next run "
            f"({', '.join(waiting)}): apply first"
        )


def _make_builder(examined: Examined, access: Access) -> Builder:
    """What the expected rows are built from: all that the watermark stands for, in one piece."""
    spec, facts, columns = examined.spec, examined.facts, examined.columns
    planned = plan_checkpoint(spec, facts)
    checkpoint = CheckpointPlan(strategy=planned.strategy, columns=planned.columns, fence=facts.start)
    whole = Cut(count=1, keys=(), targets=(), rows=1, why="")
    route = Route(transfer=choose_checksum_route(spec, facts, columns), why="")
    sql = source_sql(spec, facts.source, access)
    return make_builder(spec, facts, columns, whole, sql, checkpoint, access.target_idioms, route)


@contextmanager
def _open(access: Access, builder: Builder) -> Iterator[Sessions]:
    """Sessions that read one state of each database, and change nothing."""
    with ExitStack() as opened:
        target = opened.enter_context(closing(access.open_target()))
        opened.enter_context(one_state(target))
        source = target
        if builder.transfer is not Transfer.IN_PLACE:
            source = opened.enter_context(closing(access.open_source()))
            opened.enter_context(one_state(source))
        yield Sessions(source=source, target=target)


def _compare(loaded: LoadedSpec, builder: Builder, access: Access, sessions: Sessions, limit: int) -> Rows:
    spec, facts, target = builder.spec, builder.facts, builder.target
    digesting = isinstance(target, DigestingIdioms)
    here: Idioms = builder.stager
    there: Idioms = target if digesting else DuckDBIdioms()
    dimensions = find_dimensions(builder)
    alike = type(here) is type(there)
    choice = choose_columns(builder.merge, builder.columns, target, alike=alike, unread=dimensions.unread)
    _expect_key(loaded, builder, choice)
    words = _choose_words(here, there, access, sessions)
    known = [rows for rows in (facts.source.estimated_rows, facts.target.estimated_rows) if rows is not None]
    segments = count_segments(max(known, default=UNKNOWN_ROWS))
    with _open_scratch() as scratch:
        builder = copy_dimensions(builder, dimensions, sessions.target, scratch)
        sides = (
            (
                Side.SOURCE,
                expected_rows(builder, choice, dimensions.columns, dimensions.padded),
                words[0],
                sessions.source,
            ),
            (Side.TARGET, actual_rows(builder, choice, digesting=digesting), words[1], sessions.target),
        )
        expected, actual = (
            Asked(
                name="expected" if side is Side.SOURCE else "actual",
                side=side,
                sql=sql,
                questions=_ask(builder, sql, said, choice, segments, staged=side is Side.SOURCE),
                session=session,
                scratch=scratch,
                values={**param_values(spec.params), **builder.checkpoint.binds()},
            )
            for side, sql, said, session in sides
        )
        outcome = compare(expected, actual, appended=spec.scd.type is ScdType.APPEND, limit=limit)
    return _report(builder, choice, outcome, words[0])


def _ask(
    builder: Builder, sql: SideSql, words: DigestWords, choice: Choice, segments: int, *, staged: bool
) -> Questions:
    """What one side is asked; of ``staged`` rows more is known than the target has."""
    types, origin = _type_staged(builder) if staged else ({}, {})
    return Questions(
        words=words,
        idioms=sql.idioms,
        choice=choice,
        segments=segments,
        types=types,
        origin=origin,
        misfits=not isinstance(builder.target, DigestingIdioms),
    )


@contextmanager
def _open_scratch() -> Iterator[DuckDBSession]:
    """A DuckDB in memory for digests, and for rows whose database computes none; what is too much goes to disk."""
    engine = DuckDBEngine(None)
    with TemporaryDirectory(prefix="dmsflow-") as folder, closing(engine), closing(engine.connect()) as scratch:
        scratch.execute(f"SET GLOBAL temp_directory = {DuckDBIdioms().literal(folder)}")
        scratch.execute(f"SET GLOBAL memory_limit = '{SCRATCH_MEMORY}'")
        yield scratch


def _report(builder: Builder, choice: Choice, outcome: Outcome, words: DigestWords) -> Rows:
    apart = Counter(
        name for found in outcome.differences if found.kind is Kind.DIFFERENT for name in found.actual or ()
    )
    return Rows(
        counts=outcome.counts,
        exact=outcome.exact,
        segments=outcome.segments,
        compared=tuple(column.name for column in choice.row),
        left_out=choice.left_out,
        columns=dict(apart.most_common()),
        differences=outcome.differences,
        checksums="canonical" if words.canonical else "native",
        watermark=builder.checkpoint.fence,
    )


def _expect_key(loaded: LoadedSpec, builder: Builder, choice: Choice) -> None:
    """Raise SpecRejected where rows cannot be told apart, or there is nothing to compare."""
    lost = [name for name in builder.merge.key if all(column.name != name for column in choice.key)]
    whys = {left.column: left.why for left in choice.left_out}
    problems = [
        Diagnostic(
            code="DMS322",
            message=f'the key column "{name}" cannot be compared: {whys[name]}',
            path=("key", builder.merge.key.index(name)),
            help="give it a type that both databases have, such as text",
        )
        for name in lost
    ]
    if problems:
        raise SpecRejected(tuple(place(loaded, problem) for problem in problems))
    if not choice.row:
        raise PlanRefused("no column of the target can be compared: the types of all of them are its database's alone")


def _choose_words(here: Idioms, there: Idioms, access: Access, sessions: Sessions) -> tuple[DigestWords, DigestWords]:
    """The fast ones where both sides compute them alike, else canonical ones."""
    assert isinstance(here, DigestingIdioms)
    assert isinstance(there, DigestingIdioms)
    if type(here) is type(there) and _same_native(here, sessions):
        return here.native_digest(), there.native_digest()
    source = access.source or access.target
    return (
        here.canonical_digest(unicode=source.traits.unicode),
        there.canonical_digest(unicode=access.target.traits.unicode),
    )


def _same_native(idioms: DigestingIdioms, sessions: Sessions) -> bool:
    probe = idioms.native_probe()
    return probe is None or sessions.source.fetch(probe) == sessions.target.fetch(probe)


def _type_staged(builder: Builder) -> tuple[dict[str, DataType], dict[str, DataType]]:
    """All staged columns by which rows of one key differ, and all that are there before anything is looked up."""
    types = {column.name: column.type for column in builder.columns}
    types |= {EFFECTIVE: DataType(name=TypeName.TIMESTAMP)} if builder.merge.has_effective else {}
    parts = {name: kind.common for name, _, kind in staged_parts(builder.spec, builder.facts)}
    places = {name: f"{ALL}_{i}" for i, name in enumerate(name_staged(builder.merge))}
    looked_up = {lookup.column for lookup in builder.merge.lookups}
    every = {places[name]: kind for name, kind in types.items()}
    origin = {places[name]: kind for name, kind in (types | parts).items() if name not in looked_up}
    return every, origin
