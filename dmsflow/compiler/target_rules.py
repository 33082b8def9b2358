"""What can be wrong between a spec and the target as it stands.

Each rule is a generator of diagnostics; its docstring says why it is there.
"""

from collections.abc import Iterator

from dmsflow.compiler.columns import INSTANT, match_columns, same_type
from dmsflow.compiler.evolution.widening import widens
from dmsflow.compiler.member import member_fits
from dmsflow.compiler.surrogates import surrogate_column_fits
from dmsflow.compiler.table_rules import column_path, engine_names, engine_path
from dmsflow.diagnostics import Diagnostic, Path, did_you_mean
from dmsflow.marks.names import GONE_PREFIX, SEEN_PREFIX
from dmsflow.model.evolution import Allowance
from dmsflow.model.facts import Facts
from dmsflow.model.previous import find_previous, previous_of
from dmsflow.model.spec import PipelineSpec, Policy, ScdType

Problems = Iterator[Diagnostic]


def target_exists(spec: PipelineSpec, facts: Facts) -> Problems:
    """With create: false a missing table is a mistake, not an invitation."""
    if facts.target.shape is None and not spec.target.create:
        yield Diagnostic(
            code="DMS307",
            message=f'target table "{spec.target.table}" does not exist and create is false',
            path=("target", "table"),
            help="create it first, or set create: true",
        )


def target_is_a_table(spec: PipelineSpec, facts: Facts) -> Problems:
    """A view has no rows of its own to write."""
    if facts.target.shape is not None and facts.target.shape.view:
        yield Diagnostic(
            code="DMS317",
            message=f'target "{spec.target.table}" is a view',
            path=("target", "table"),
            help="name the table that it reads, or a new one",
        )


def target_is_one_table(spec: PipelineSpec, facts: Facts) -> Problems:
    """In a table of partitions two rows may stand at the same place, so that a place names no row."""
    if facts.target.shape is not None and facts.target.shape.divided:
        yield Diagnostic(
            code="DMS319",
            message=f'target "{spec.target.table}" has partitions, or tables that inherit from it',
            path=("target", "table"),
            help="load a table of its own, and attach or merge it afterwards",
        )


def target_has_room(spec: PipelineSpec, facts: Facts) -> Problems:
    """Databases limit the number of columns."""
    count = len(match_columns(spec, facts)) + len(engine_names(spec))
    if count + 8 > facts.target.max_columns:
        yield Diagnostic(
            code="DMS314",
            message=f"{count} columns are needed, {facts.target.engine} has room for {facts.target.max_columns - 8}",
            path=("columns",) if spec.columns else ("target", "table"),
            help="list the columns that are needed",
        )


def target_names_are_kept(spec: PipelineSpec, facts: Facts) -> Problems:
    """A name that is too long would be cut off, and two of them could become one."""
    longest = facts.target.longest_name
    if longest is None:
        return
    named: list[tuple[Path, str]] = []
    if facts.target.shape is None:
        named.append((("target", "table"), f"{GONE_PREFIX}{spec.target.table.table}"))
    named += [(column_path(spec, c.name), c.name) for c in match_columns(spec, facts)]
    named += [(engine_path(spec, name), name) for name in engine_names(spec)]
    for path, name in named:
        if len(name.encode()) > longest:
            yield Diagnostic(
                code="DMS318",
                message=f'"{name}" is longer than {longest} bytes, which is all that {facts.target.engine} keeps',
                path=path,
                help="write a shorter name",
            )


def target_has_columns(spec: PipelineSpec, facts: Facts) -> Problems:
    """A column that is new in the spec is added only when the spec says so; the engine's own are never added."""
    shape = facts.target.shape
    if shape is None:
        return
    for column in match_columns(spec, facts):
        if column.spec.was and shape.find(column.spec.was):
            continue
        if column.existing is None and not spec.target.evolve.adds:
            yield Diagnostic(
                code="DMS308",
                message=f'column "{column.name}" is not in target table {spec.target.table}',
                path=("columns", column.name) if spec.columns else ("target", "table"),
                help=did_you_mean(column.name, shape.names) or "set target.evolve: add, or remove the column",
            )
        if column.existing is None and column.name in spec.key:
            yield Diagnostic(
                code="DMS308",
                message=f'key column "{column.name}" is not in target table {spec.target.table}',
                path=("key", spec.key.index(column.name)),
                help="a key cannot be added to rows that are there already: name the column they have",
            )
    kept = {name for it in find_previous(spec.columns) for name in it.names}
    for name in engine_names(spec):
        if shape.find(name) is None and name in kept:
            if not spec.target.evolve.adds:
                yield Diagnostic(
                    code="DMS308",
                    message=f'column "{name}" is not in target table {spec.target.table}',
                    path=engine_path(spec, name),
                    help="set target.evolve: add, or name the column that the table has under previous, or since",
                )
        elif shape.find(name) is None:
            yield Diagnostic(
                code="DMS311",
                message=f'engine column "{name}" is not in target table {spec.target.table}',
                path=("scd", "fields") if name != spec.scd.fields.surrogate_key else ("target", "table"),
                help="name the table's own column under scd.fields, or load into a new table",
            )


def previous_values_fit(spec: PipelineSpec, facts: Facts) -> Problems:
    """A column of previous values takes whatever the column itself has held, nothing at first; its time is a time."""
    shape = facts.target.shape
    if shape is None:
        return
    for column in match_columns(spec, facts):
        if column.policy is not Policy.PREVIOUS:
            continue
        kept = previous_of(column.spec, column.name)
        wanted = (("previous", kept.value, column.type), ("since", kept.since, INSTANT))
        for key, name, data_type in wanted:
            found, path = shape.find(name), ("columns", column.spec.name, key)
            if found is not None and found.type.family != data_type.family:
                yield Diagnostic(
                    code="DMS309",
                    message=f'column "{name}" is {found.type} in {spec.target.table}, which wants {data_type}',
                    path=path,
                    help=f"change the table first, or write another column as {key}",
                )
            if found is not None and not found.nullable:
                yield Diagnostic(
                    code="DMS310",
                    message=f'column "{name}" is NOT NULL, and it is NULL as long as "{column.name}" has not changed',
                    path=path,
                    help=f"drop the constraint from {spec.target.table}",
                )


def target_columns_are_filled(spec: PipelineSpec, facts: Facts) -> Problems:
    """A NOT NULL column that the spec does not fill would refuse every row."""
    shape = facts.target.shape
    if shape is None:
        return
    filled = {c.name.lower() for c in match_columns(spec, facts)} | {name.lower() for name in engine_names(spec)}
    filled |= {column.was.lower() for column in spec.columns if column.was}
    for column in shape.columns:
        if column.name.lower() not in filled and not column.nullable and not column.generated:
            yield Diagnostic(
                code="DMS310",
                message=f'target column "{column.name}" is NOT NULL and the spec does not fill it',
                path=("columns",) if spec.columns else ("target", "table"),
                help=f"add it to columns, or drop the constraint from {spec.target.table}",
            )


def target_columns_are_writable(spec: PipelineSpec, facts: Facts) -> Problems:
    """A column that the database computes takes no value of a load: it would refuse every row."""
    shape = facts.target.shape
    if shape is None:
        return
    named: list[tuple[Path, str]] = [(column_path(spec, c.name), c.name) for c in match_columns(spec, facts)]
    named += [(engine_path(spec, name), name) for name in engine_names(spec)]
    for path, name in named:
        column = shape.find(name)
        if column is not None and column.computed:
            yield Diagnostic(
                code="DMS340",
                message=f'column "{column.name}" of {spec.target.table} is computed by the database',
                path=path,
                help="leave it out of columns, or of scd.fields; an identity may be declared GENERATED BY DEFAULT",
            )


def target_columns_are_comparable(spec: PipelineSpec, facts: Facts) -> Problems:
    """Only where two values can be told apart can a change be found, and a key."""
    if spec.scd.type is ScdType.APPEND:
        return
    for column in match_columns(spec, facts):
        if column.existing is not None and not column.existing.comparable:
            native = column.existing.type.native or column.existing.type
            yield Diagnostic(
                code="DMS341",
                message=f'column "{column.name}" of {spec.target.table} is {native}, which has no comparison',
                path=column_path(spec, column.name),
                help="declare it as jsonb or text, leave it out of columns, or load with scd: append",
            )


def feed_has_its_tables(spec: PipelineSpec, facts: Facts) -> Problems:
    """A feed needs temporary tables that it makes within its transaction."""
    if spec.is_feed and facts.target.ddl_commits:
        yield Diagnostic(
            code="DMS344",
            message=f"{facts.target.engine} ends a transaction with each table that is made, a feed makes some within",
            path=("source", "grain"),
            help="write grain: snapshot over a query that leaves the last row of each key",
        )


def target_shows_its_rows(spec: PipelineSpec, facts: Facts) -> Problems:
    """What is compared with the target is compared with all of it."""
    shape = facts.target.shape
    if spec.scd.type is not ScdType.APPEND and shape is not None and shape.hides:
        yield Diagnostic(
            code="DMS347",
            message=f"policies of {spec.target.table} may hide rows from its user, which would be inserted once more",
            path=("target",),
            help="give the user a policy FOR SELECT USING (TRUE), or BYPASSRLS",
        )


def memory_has_columns(spec: PipelineSpec, facts: Facts) -> Problems:
    """Rows that are remembered without a column cannot tell what it held."""
    memory = facts.target.memory
    if memory is None:
        return
    table = f"{SEEN_PREFIX}{spec.target.table.table}"
    orders = tuple(f"_dms_order_{i}" for i in range(len(spec.scd.last_by)))
    ours = (*orders, *(("_dms_gone",) if spec.source.op else ()))
    missing = [c.name for c in match_columns(spec, facts) if memory.find(c.name) is None]
    missing += [name for name in ours if memory.find(name) is None]
    if missing:
        yield Diagnostic(
            code="DMS342",
            message=f"table {table} remembers rows without {', '.join(missing)}",
            path=("scd", "late"),
            help="add them to it with their values, or drop it: rows older than the new one are then rejected",
        )


def target_types_fit(spec: PipelineSpec, facts: Facts) -> Problems:
    """A type that differs from the table's is a change of the table, which a load never makes by itself."""
    for column in match_columns(spec, facts):
        wanted, existing = column.spec.type, column.existing
        widened = spec.target.evolve.retype is not Allowance.REFUSE
        if wanted is None or existing is None or same_type(column, facts) or widened:
            continue
        wider = widens(existing.type, wanted)
        yield Diagnostic(
            code="DMS309",
            message=f'column "{column.name}" is {existing.type} in {spec.target.table}, the spec says {wanted}',
            path=("columns", column.name, "type"),
            help=f"write {existing.type}, {'set evolve: {retype: widen}, ' if wider else ''}or change the table first",
        )


TARGET_RULES = (
    target_exists,
    target_is_a_table,
    target_is_one_table,
    target_has_room,
    target_names_are_kept,
    target_has_columns,
    previous_values_fit,
    target_columns_are_filled,
    target_columns_are_writable,
    target_columns_are_comparable,
    target_types_fit,
    surrogate_column_fits,
    member_fits,
    feed_has_its_tables,
    target_shows_its_rows,
    memory_has_columns,
)
