"""The checks of a spec to values. Says what is written; the rules say what of it goes together."""

from collections.abc import Iterator

from dmsflow.compiler.compose import Node
from dmsflow.compiler.literals import parse_duration, parse_table_name
from dmsflow.compiler.section import Section
from dmsflow.model.checks import AcceptedValue, Check, CheckKind, CheckOn, CheckSeverity, References
from dmsflow.model.table import TableName


def decode_checks(top: Section) -> tuple[Check, ...]:
    """Every check, in the order written."""
    return tuple(_decode(section) for section in top.sections("checks"))


def _decode(section: Section) -> Check:
    kinds = tuple(kind for kind in CheckKind if section.has(kind))
    rows, fresh = section.section(CheckKind.ROWS), section.section(CheckKind.FRESH)
    return Check(
        name=section.need_text("name"),
        on=section.choice("on", CheckOn.ROW),
        severity=section.choice("severity", CheckSeverity.ERROR),
        kinds=kinds,
        expr=section.text("expr") or "",
        where=section.text("where") or "",
        columns=tuple(_columns(section)),
        values=decode_values(section.section(CheckKind.ACCEPTED_VALUES).child("values")),
        within=fresh.literal("within", "DMS107", parse_duration, None),
        min_rows=rows.integer("min"),
        max_rows=rows.integer("max"),
        references=_references(section.section(CheckKind.REFERENCES)) if section.has(CheckKind.REFERENCES) else None,
    )


def _columns(section: Section) -> Iterator[str]:
    yield from section.names(CheckKind.UNIQUE)
    yield from section.names(CheckKind.NOT_NULL)
    yield from section.section(CheckKind.REFERENCES).names("columns")
    for kind in (CheckKind.ACCEPTED_VALUES, CheckKind.FRESH):
        if column := section.section(kind).text("column"):
            yield column


def decode_values(node: Node | None) -> tuple[AcceptedValue, ...]:
    """A list of texts, numbers and booleans."""
    items = node.items if node else ()
    return tuple(item.value if isinstance(item.value, int | float | bool) else item.text for item in items)


def _references(section: Section) -> References:
    return References(
        table=section.literal("table", "DMS110", parse_table_name, TableName(table="?")),
        key=section.names("key") or section.names("columns"),
        where=section.text("where") or "",
    )
