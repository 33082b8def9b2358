"""A watermark that a person gives, typed as the source has it. Reads the source; writes nothing."""

import re
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from dmsflow.compiler.literals import LiteralError, parse_constant
from dmsflow.compiler.questions import read_fence
from dmsflow.compiler.source_sql import SourceSql
from dmsflow.compiler.survey import survey_source
from dmsflow.diagnostics import did_you_mean
from dmsflow.engines.access import Access
from dmsflow.model.spec import ParamValue, PipelineSpec
from dmsflow.model.table import Column, DataType, TypeName
from dmsflow.model.watermark import TypedValue, Watermark

BITS = {TypeName.SMALLINT: 15, TypeName.INTEGER: 31, TypeName.BIGINT: 63, TypeName.HUGEINT: 127}
TOO_FINE = re.compile(r"[.,][0-9]{6}0*[1-9]")
"""A fraction of a second beyond the six digits that a database, and Python, keep."""


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
        _expect_room(text, constant, column.type)
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


def _expect_room(text: str, value: ParamValue, kind: DataType) -> None:
    """Raise LiteralError for a number or an instant with more digits than the type has places for."""
    match value:
        case bool():
            return
        case int() if (bits := BITS.get(kind.name)) is not None and not -(2**bits) <= value < 2**bits:
            raise LiteralError(
                f'"{text}" is beyond the range of {kind}', f"write one from {-(2**bits)} to {2**bits - 1}"
            )
        case Decimal() if kind.precision is not None and value:
            scale, room = kind.scale or 0, kind.precision - (kind.scale or 0)
            whole, places = _count_digits(value)
            if places > scale:
                raise LiteralError(f'"{text}" has more decimals than {kind}', f"write at most {scale}")
            if whole > room:
                raise LiteralError(
                    f'"{text}" is beyond the range of {kind}', f"write at most {room} digits before them"
                )
        case datetime() if TOO_FINE.search(text):
            raise LiteralError(f'"{text}" is finer than a microsecond', "write at most six digits of a second")


def _count_digits(value: Decimal) -> tuple[int, int]:
    """How many digits a number has before its point, and behind it, without zeros at the end."""
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int), "a constant is finite"
    written = "".join(map(str, digits))
    places = -exponent - (len(written) - len(written.rstrip("0")))
    return len(written) + exponent, places
