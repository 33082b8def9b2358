"""What a target's surrogate keys are, in its own words: their type, and what makes them. Runs nothing."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from dmsflow.compiler.columns import LoadedColumn
from dmsflow.diagnostics import Diagnostic, Path
from dmsflow.engines.engine import Idioms
from dmsflow.engines.name_keys import NamingIdioms
from dmsflow.engines.numbering import NumberingIdioms
from dmsflow.model.facts import Facts
from dmsflow.model.plan import Side, Statement
from dmsflow.model.spec import PipelineSpec, ScdType
from dmsflow.model.surrogate import KeyFrom
from dmsflow.model.table import DataType, TableName, TypeName

START = DataType(name=TypeName.TIMESTAMP)
PATH: Path = ("scd", "fields", "surrogate_key")


def surrogate_type(spec: PipelineSpec) -> DataType:
    """The type of the column in a table that dmsflow creates."""
    return DataType(name=TypeName.UUID if spec.scd.surrogate.made_from is KeyFrom.UUID else TypeName.BIGINT)


def is_counted(spec: PipelineSpec) -> bool:
    """Whether a run hands out blocks of numbers."""
    return spec.scd.fields.surrogate_key is not None and spec.scd.surrogate.made_from is KeyFrom.BLOCKS


def word_keys(spec: PipelineSpec, columns: Sequence[LoadedColumn], idioms: Idioms) -> str:
    """The target's words for a key that other values give, or a sequence; empty where none do."""
    if spec.scd.fields.surrogate_key is None:
        return ""
    match spec.scd.surrogate.made_from:
        case KeyFrom.UUID:
            return _name_key(spec, columns, idioms) or ""
        case KeyFrom.SEQUENCE if isinstance(idioms, NumberingIdioms):
            return idioms.next_number(_find_sequence(spec))
    return ""


def _find_sequence(spec: PipelineSpec) -> TableName:
    """The sequence that numbers the rows."""
    target, named = spec.target.table, spec.scd.surrogate.sequence
    if named is None:
        return replace(target, table=f"{target.table}_{spec.scd.fields.surrogate_key}_seq")
    return named if named.schema else replace(target, table=named.table)


def sequence_ddl(spec: PipelineSpec, idioms: Idioms) -> Iterator[Statement]:
    """DDL of the sequence that a new target needs."""
    if spec.scd.fields.surrogate_key is None or not isinstance(idioms, NumberingIdioms):
        return
    made_from, sequence = spec.scd.surrogate.made_from, _find_sequence(spec)
    needed = made_from is KeyFrom.IDENTITY and idioms.identity(sequence) is None
    if needed or made_from is KeyFrom.SEQUENCE:
        yield Statement(name="create_sequence", side=Side.TARGET, sql=idioms.create_sequence(sequence))


def declare_numbers(spec: PipelineSpec, idioms: Idioms) -> dict[str, str]:
    """What is declared of the columns of a new target behind their types: of one that numbers the rows."""
    name = spec.scd.fields.surrogate_key
    identity = spec.scd.surrogate.made_from is KeyFrom.IDENTITY
    if name is None or not identity or not isinstance(idioms, NumberingIdioms):
        return {}
    sequence = _find_sequence(spec)
    return {name: idioms.identity(sequence) or f"DEFAULT {idioms.next_number(sequence)}"}


def _name_key(spec: PipelineSpec, columns: Sequence[LoadedColumn], idioms: Idioms) -> str | None:
    types = {column.name.lower(): column.type for column in columns}
    parts = [types[name.lower()] for name in spec.key if name.lower() in types]
    start = [START] if spec.scd.type is ScdType.HISTORY else []
    return idioms.name_key([*parts, *start]) if isinstance(idioms, NamingIdioms) else None


def surrogates_can_be_made(
    spec: PipelineSpec, facts: Facts, columns: Sequence[LoadedColumn], idioms: Idioms
) -> Iterator[Diagnostic]:
    """A key of other values needs a text of each that is the same in every database; a number needs a sequence."""
    numbered = spec.scd.surrogate.made_from in (KeyFrom.IDENTITY, KeyFrom.SEQUENCE)
    if numbered and not isinstance(idioms, NumberingIdioms):
        yield Diagnostic(
            code="DMS361",
            message=f"{facts.target.engine} has no sequence that numbers rows once and for all",
            path=(*PATH, "from"),
            help="write from: blocks, or from: uuid",
        )
    if spec.scd.fields.surrogate_key is None or spec.scd.surrogate.made_from is not KeyFrom.UUID:
        return
    if _name_key(spec, columns, idioms) is None:
        told = ", ".join(f"{it.name} is {it.type}" for it in columns if it.name in spec.key)
        yield Diagnostic(
            code="DMS355",
            message=f"{facts.target.engine} makes no UUID of this key: {told}",
            path=(*PATH, "from"),
            help="key it by whole numbers, texts or timestamps, or write from: blocks",
        )


def surrogate_column_fits(spec: PipelineSpec, facts: Facts) -> Iterator[Diagnostic]:
    """Numbers and UUIDs do not stand in one column: a table keeps the keys that it began with."""
    name, shape = spec.scd.fields.surrogate_key, facts.target.shape
    column = shape.find(name) if shape and name else None
    if column is None:
        return
    made_from = spec.scd.surrogate.made_from
    fits = column.type.family in ("uuid", "text") if made_from is KeyFrom.UUID else column.type.family != "uuid"
    if made_from is KeyFrom.IDENTITY:
        fits = fits and (column.generated or not column.nullable)
    if not fits:
        yield Diagnostic(
            code="DMS356",
            message=f'surrogate key "{column.name}" of {spec.target.table} is {column.type}, not for {made_from}',
            path=PATH,
            help="write from: blocks for numbers and from: uuid for UUIDs; an identity fills itself, or is NOT NULL",
        )
