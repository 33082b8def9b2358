"""The rule about types that do not hold every value of the source: it names the column, and what becomes of a value."""

from collections.abc import Iterator

from dmsflow.compiler.columns import match_columns
from dmsflow.diagnostics import Diagnostic, Severity
from dmsflow.model.facts import Facts
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import INTEGER_DIGITS, DataType, TypeName, cast_can_fail

EXACT_DIGITS = {TypeName.REAL: 6, TypeName.DOUBLE: 15}
"""Decimal digits that a float keeps, whatever the number (IEEE 754)."""

WRITTEN_LENGTHS = {"boolean": 5, "date": 10, "uuid": 36}


def casts_that_narrow(spec: PipelineSpec, facts: Facts) -> Iterator[Diagnostic]:
    """A value without a place in its target type is rejected, or loses a part; better to know which columns can."""
    if facts.source.as_text:
        return
    for column in match_columns(spec, facts):
        kept = column.existing is not None and (column.arrives.name, str(column.type)) in facts.target.kept_as
        consequence = None if column.spec.has_value or kept else say_consequence(column.arrives, column.type)
        if consequence is not None:
            yield Diagnostic(
                code="DMS304",
                severity=Severity.WARNING,
                message=f'column "{column.name}" narrows {column.arrives} to {column.type}',
                path=("columns", column.name),
                help=consequence,
            )


def say_consequence(arrives: DataType, wanted: DataType) -> str | None:
    """What becomes of a value that one type has and the other has not; None where there is no such value."""
    if cast_can_fail(arrives, wanted):
        return "values that do not fit are rejected; decimals are rounded to the scale"
    if wanted.family == "text" and wanted.length is not None:
        longest = _longest_text(arrives)
        return "longer texts are rejected" if longest is not None and longest > wanted.length else None
    if (arrives.family, wanted.family) == ("timestamp", "date"):
        return "the time of day is dropped; write timestamp to keep it"
    kept = EXACT_DIGITS.get(wanted.name)
    if kept is not None and arrives.family in ("integer", "decimal") and _count_digits(arrives) > kept:
        return f"numbers are rounded to about {kept} digits; write decimal to keep them"
    return None


def _longest_text(arrives: DataType) -> int | None:
    """The length of a type's longest value as text; None where the source declares none, so that nothing narrows it."""
    if arrives.family == "text":
        return arrives.length
    if arrives.family in ("integer", "decimal"):
        return _count_digits(arrives) + (1 if arrives.family == "integer" else 3)
    return WRITTEN_LENGTHS.get(arrives.family)


def _count_digits(arrives: DataType) -> int:
    return INTEGER_DIGITS[arrives.name] if arrives.family == "integer" else arrives.precision or 38
