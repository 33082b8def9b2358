"""The unknown member of a spec in the target's words. Runs nothing."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from dmsflow.compiler.columns import LoadedColumn, match_columns
from dmsflow.compiler.literals import LiteralError, parse_constant
from dmsflow.diagnostics import Diagnostic, Path, did_you_mean
from dmsflow.engines.engine import Idioms
from dmsflow.engines.name_keys import UNKNOWN_NUMBER, UNKNOWN_UUID
from dmsflow.model.facts import Facts
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.surrogate import KeyFrom

PATH: Path = ("scd", "unknown_member")
ALWAYS = datetime(1900, 1, 1)  # noqa: DTZ001 - an instant of the engine, in UTC


def shape_member(spec: PipelineSpec, columns: Sequence[LoadedColumn], idioms: Idioms) -> dict[str, Any]:
    """The parts of a merge that tell the unknown member; none where there is none."""
    if not spec.scd.unknown_member:
        return {}
    return {
        "unknown": write_unknown(spec, idioms),
        "member": tuple(_write(spec, columns, idioms)),
        "always_since": idioms.literal(ALWAYS),
    }


def write_unknown(spec: PipelineSpec, idioms: Idioms) -> str:
    """The literal of its surrogate key."""
    uuid = spec.scd.surrogate.made_from is KeyFrom.UUID
    return idioms.literal(UNKNOWN_UUID if uuid else UNKNOWN_NUMBER)


def member_key(spec: PipelineSpec, columns: Sequence[LoadedColumn], idioms: Idioms) -> tuple[tuple[str, str], ...]:
    """The columns of its key, each with its literal."""
    keys = {name.lower() for name in spec.key}
    return tuple((name, value) for name, value in _write(spec, columns, idioms) if name.lower() in keys)


def _write(spec: PipelineSpec, columns: Sequence[LoadedColumn], idioms: Idioms) -> Iterator[tuple[str, str]]:
    found = {column.name.lower(): column for column in columns}
    for name, text in spec.scd.unknown_member:
        column = found.get(name.lower())
        if column is not None:
            value = None if text is None else parse_constant(text, column.type)
            yield column.name, idioms.constant(value, column.type)


def member_fits(spec: PipelineSpec, facts: Facts) -> Iterator[Diagnostic]:
    """A row that is the target's as any other has its columns, and values of their types."""
    given = {name.lower() for name, _ in spec.scd.unknown_member}
    columns = match_columns(spec, facts)
    known = {column.name.lower(): column for column in columns}
    for name, text in spec.scd.unknown_member:
        column = known.get(name.lower())
        if column is None:
            help = did_you_mean(name, [it.name for it in columns]) or "name columns that the spec loads"
            yield _misfit(f'column "{name}" is not among the columns', (*PATH, name), help)
            continue
        try:
            if text is not None:
                parse_constant(text, column.type)
        except LiteralError as error:
            yield _misfit(f'column "{name}": {error.message}', (*PATH, name), error.help)
    for column in columns:
        required = column.existing is not None and not column.existing.nullable
        if given and required and column.name.lower() not in given:
            yield _misfit(f'column "{column.name}" is NOT NULL and has no value', PATH, "write one")


def _misfit(message: str, path: Path, help: str | None) -> Diagnostic:
    return Diagnostic(code="DMS360", message=f"the unknown member does not fit: {message}", path=path, help=help)
