"""The lookup of a column to values, with its short forms."""

from dmsflow.compiler.literals import parse_table_name
from dmsflow.compiler.section import Section
from dmsflow.model.lookup import Lookup, LookupFields, OnMiss
from dmsflow.model.table import TableName

DMS_LOOKUP = LookupFields(
    surrogate_key="SKEY",
    valid_from="FROMDT",
    valid_to="TODT",
    is_current="CURFLG",
    inserted_at="RECCRDT",
    modified_at="RECUPDT",
)


def decode_lookup(column: Section) -> Lookup | None:
    """The lookup of a column, where it has one."""
    if not column.has("lookup"):
        return None
    section = column.section("lookup")
    return Lookup(
        dimension=section.literal("dimension", "DMS110", parse_table_name, TableName(table="?")),
        key=_decode_key(section),
        as_of=section.text("as_of"),
        on_miss=section.choice("on_miss", OnMiss.REJECT),
        fields=_decode_fields(section),
    )


def _decode_key(section: Section) -> tuple[tuple[str, str], ...]:
    """``key: name`` and ``key: [name]`` are short for ``{name: name}``."""
    node = section.child("key")
    if node is None:
        return ()
    if isinstance(node.value, dict):
        parts = section.section("key")
        return tuple((name, parts.text(name) or name) for name in parts.written_keys())
    return tuple((name, name) for name in section.words("key"))


def _decode_fields(section: Section) -> LookupFields:
    if section.text("fields") == "dms":
        return DMS_LOOKUP
    fields, default = section.section("fields"), LookupFields()
    return LookupFields(
        surrogate_key=fields.text("surrogate_key"),
        valid_from=fields.text("valid_from") or default.valid_from,
        valid_to=fields.text("valid_to") or default.valid_to,
        is_current=fields.text("is_current") or default.is_current,
        inserted_at=fields.text("inserted_at") or default.inserted_at,
        modified_at=fields.text("modified_at") or default.modified_at,
    )
