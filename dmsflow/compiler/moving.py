"""A watermark that a person gives, typed as the source has it. Reads the source; writes nothing."""

from collections.abc import Mapping
from contextlib import closing
from uuid import UUID

from dmsflow.compiler.literals import LiteralError, parse_constant
from dmsflow.compiler.questions import read_fence
from dmsflow.compiler.source_sql import SourceSql
from dmsflow.compiler.survey import survey_source
from dmsflow.diagnostics import did_you_mean
from dmsflow.engines.access import Access
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import Column
from dmsflow.model.watermark import TypedValue, Watermark


def type_watermark(spec: PipelineSpec, access: Access, given: Mapping[str, str], now: Watermark | None) -> Watermark:
    """The watermark of these texts. Raises LiteralError for a name or a value that the source does not have.

    A value is of the type that the source's own greatest one is of, else that of the present watermark.
    """
    names = spec.checkpoint.columns
    check_names(names, given)
    spec = access.locate(spec)
    with closing(access.open_source()) as source, closing(access.open_target()) as target:
        facts = survey_source(spec, access, source)
        marker = "$" if facts.engine == "duckdb" else ":"
        sql = SourceSql(spec=spec, facts=facts, idioms=access.source_idioms, marker=marker)
        known = read_fence(spec, sql, source, target, access)[0] or now
    values = []
    for i, name in enumerate(names):
        column = facts.shape.find(name)
        if column is None:
            raise LiteralError(f'the source has no column "{name}"', "correct checkpoint.columns in the spec")
        if known is None and column.type.family in facts.loose:
            raise LiteralError(
                f'the source has no row yet that tells how it keeps "{name}"', "load once, or add a row there first"
            )
        values.append(type_value(given[name], column, known.values[i].family if known else None))
    return Watermark(columns=names, values=tuple(values))


def check_names(names: tuple[str, ...], given: Mapping[str, str]) -> None:
    """Raise LiteralError unless there is a value for each checkpoint column, and for nothing else."""
    if not names:
        raise LiteralError("the spec has no checkpoint columns", "name them under checkpoint.columns")
    for name in given:
        if name not in names:
            known = did_you_mean(name, names) or f"they are {', '.join(names)}"
            raise LiteralError(f'"{name}" is not a checkpoint column', known)
    for name in names:
        if name not in given:
            raise LiteralError(f'there is no value for "{name}"', f"write {name}=VALUE too: a watermark is one tuple")


def type_value(text: str, column: Column, family: str | None) -> TypedValue:
    """The text as a value of the column, as its database hands such values over. Raises LiteralError."""
    try:
        if column.type.family == "uuid":
            return TypedValue(family="uuid", text=str(UUID(text)))
        constant = parse_constant(text, column.type)
        assert constant is not None
        value = TypedValue.of(constant)
    except LiteralError as error:
        raise LiteralError(f'column "{column.name}": {error}', error.help) from None
    except ValueError:
        raise LiteralError(f'column "{column.name}": "{text}" is not a uuid', "write a uuid") from None
    if family in (None, value.family):
        return value
    if family == "text":
        # A database without types of its own compares what stands there.
        return TypedValue(family="text", text=text)
    raise LiteralError(f'column "{column.name}": "{text}" is a {value.family}', f"write a {family}, as the source has")
