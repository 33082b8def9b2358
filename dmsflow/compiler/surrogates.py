"""What a target's surrogate keys are, in its own words: their type, and what makes them. Runs nothing."""

from collections.abc import Iterator, Sequence

from dmsflow.compiler.columns import LoadedColumn
from dmsflow.diagnostics import Diagnostic, Path
from dmsflow.engines.engine import Idioms
from dmsflow.engines.name_keys import NamingIdioms
from dmsflow.model.facts import Facts
from dmsflow.model.spec import PipelineSpec, ScdType
from dmsflow.model.surrogate import KeyFrom
from dmsflow.model.table import DataType, TypeName

START = DataType(name=TypeName.TIMESTAMP)
PATH: Path = ("scd", "fields", "surrogate_key")


def surrogate_type(spec: PipelineSpec) -> DataType:
    """The type of the column in a table that dmsflow creates."""
    return DataType(name=TypeName.UUID if spec.scd.surrogate.made_from is KeyFrom.UUID else TypeName.BIGINT)


def is_counted(spec: PipelineSpec) -> bool:
    """Whether a run hands out blocks of numbers."""
    return spec.scd.fields.surrogate_key is not None and spec.scd.surrogate.made_from is KeyFrom.BLOCKS


def word_keys(spec: PipelineSpec, columns: Sequence[LoadedColumn], idioms: Idioms) -> str:
    """The target's words for a key that other values give; empty where none do."""
    if spec.scd.fields.surrogate_key is None or spec.scd.surrogate.made_from is not KeyFrom.UUID:
        return ""
    return _name_key(spec, columns, idioms) or ""


def _name_key(spec: PipelineSpec, columns: Sequence[LoadedColumn], idioms: Idioms) -> str | None:
    types = {column.name.lower(): column.type for column in columns}
    parts = [types[name.lower()] for name in spec.key if name.lower() in types]
    start = [START] if spec.scd.type is ScdType.HISTORY else []
    return idioms.name_key([*parts, *start]) if isinstance(idioms, NamingIdioms) else None


def surrogates_can_be_made(
    spec: PipelineSpec, facts: Facts, columns: Sequence[LoadedColumn], idioms: Idioms
) -> Iterator[Diagnostic]:
    """A key that is made of other values needs a text of each that is the same in every database."""
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
    if not fits:
        yield Diagnostic(
            code="DMS356",
            message=f'surrogate key "{column.name}" of {spec.target.table} is {column.type}, not for {made_from}',
            path=PATH,
            help="write from: blocks for numbers and from: uuid for UUIDs, or load into a new table",
        )
