"""The columns section to values. A column that names no origin comes from the source column of its own name."""

from decimal import Decimal

from dmsflow.compiler.compose import Node
from dmsflow.compiler.decode_lookups import decode_lookup
from dmsflow.compiler.literals import LiteralError, parse_constant, parse_type
from dmsflow.compiler.section import Section
from dmsflow.model.spec import ColumnSpec, ParamValue, Policy, Type1
from dmsflow.model.table import DataType


def decode_columns(columns: Section) -> tuple[ColumnSpec, ...]:
    """Every column in the order written."""
    return tuple(_decode_column(columns, name) for name in columns.written_keys())


def _decode_column(columns: Section, name: str) -> ColumnSpec:
    node = columns.child(name)
    if node is None:
        return ColumnSpec(name=name, source=name)
    if not node.is_collection:
        return ColumnSpec(name=name, source=node.text)
    parts = columns.section(name)
    type = decode_type(parts, "type")
    source, expr = parts.text("from"), parts.text("expr")
    policy, lookup = parts.word("scd"), decode_lookup(parts)
    return ColumnSpec(
        name=name,
        source=name if source is None and expr is None and not (parts.has("value") or lookup) else source,
        expr=expr,
        value=decode_constant(parts, "value", type),
        has_value=parts.has("value"),
        type=type,
        policy=None if policy is None else Policy(policy),
        type1=parts.choice("type1", Type1.CURRENT) if parts.has("type1") else None,
        previous=parts.text("previous"),
        since=parts.text("since"),
        lookup=lookup,
        was=parts.text("was"),
    )


def decode_type(section: Section, key: str) -> DataType | None:
    """The type under a key; None when it is missing, or badly written, which is then a problem."""
    text = section.text(key)
    if text is None:
        return None
    found: list[DataType] = []
    section.parse(text, "DMS108", lambda written: found.append(parse_type(written)), None, key)
    return found[0] if found else None


def decode_constant(section: Section, key: str, type: DataType | None) -> ParamValue:
    """The constant under a key, by its type; without one by how it is written, exact to the last digit."""
    node = section.child(key)
    if node is None:
        return None
    try:
        return parse_constant(node.text, type) if type else _read_untyped(node)
    except LiteralError as error:
        section.report("DMS111", error.message, error.help, key)
        return None


def _read_untyped(node: Node) -> ParamValue:
    value = node.value
    if isinstance(value, float):
        written = Decimal(node.text) if "n" not in node.text.lower() else None
        if written is None:
            raise LiteralError(f'"{node.text}" is not a number', "write digits")
        return written
    return value if isinstance(value, bool | int | str) else None
