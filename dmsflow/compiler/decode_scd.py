"""The scd section to values, with its short form, its presets and the default surrogate key."""

from collections.abc import Callable
from datetime import datetime

from dmsflow.compiler.decode_checks import decode_values
from dmsflow.compiler.literals import parse_duration, parse_table_name, parse_timestamp
from dmsflow.compiler.section import Section
from dmsflow.model.deletes import DeleteScope, DeletesWithin
from dmsflow.model.spec import Deletes, Detect, Duplicates, Fields, Kind, Late, Scd, ScdType, Target, Type1
from dmsflow.model.surrogate import KeyFrom, SurrogateKey
from dmsflow.model.table import TableName

DMS_FIELDS = Fields(
    surrogate_key="SKEY",
    row_hash="RWHKEY",
    is_current="CURFLG",
    valid_from="FROMDT",
    valid_to="TODT",
    inserted_at="RECCRDT",
    modified_at="RECUPDT",
    is_deleted="DELFLG",
)


def decode_scd(top: Section, target: Target) -> Scd:
    """The scd section of a spec; ``scd: 2`` is short for ``{type: 2}``."""
    node = top.child("scd")
    if node is not None and not node.is_collection:
        return Scd(type=ScdType(top.word("scd") or "append"), fields=_default_fields(target))
    scd = top.section("scd")
    at, start = scd.text("effective_at"), scd.text("first_valid_from")
    return Scd(
        type=ScdType(scd.word("type") or "append"),
        type1=scd.choice("type1", Type1.CURRENT),
        effective_at=None if at == "run" else at,
        first_valid_from=None if start == "effective" else _timestamp(scd, "first_valid_from", None),
        open_end=_decode_open_end(scd),
        deletes=_decode_deletes(scd),
        within=_decode_within(scd),
        duplicates=scd.choice("duplicates", Duplicates.REJECT),
        order_by=scd.names("order_by"),
        late=scd.choice("late", Late.REJECT),
        window=scd.literal("window", "DMS107", parse_duration, None),
        detect=scd.choice("detect", Detect.COLUMNS),
        fields=_decode_fields(scd, target),
        surrogate=_decode_surrogate(scd),
        unknown_member=_decode_member(scd.section("unknown_member")),
    )


def _decode_deletes(scd: Section) -> Deletes:
    """``deletes: close`` is short for ``{mode: close}``."""
    node = scd.child("deletes")
    if node is not None and node.is_collection:
        return scd.section("deletes").choice("mode", Deletes.IGNORE)
    return scd.choice("deletes", Deletes.IGNORE)


def _decode_within(scd: Section) -> DeletesWithin:
    node = scd.child("deletes")
    scope = scd.section("deletes").child("scope") if node is not None and node.is_collection else None
    if scope is None or not scope.is_collection:
        return DeletesWithin()
    section = scd.section("deletes").section("scope")
    values = section.child("values")
    return DeletesWithin(
        scopes=tuple(scope for scope in DeleteScope if section.has(scope)),
        where=section.text("where") or "",
        partition=section.names("partition"),
        column=section.text("column") or "",
        values=decode_values(values),
    )


def _decode_open_end(scd: Section) -> datetime | None:
    if not scd.has("open_end"):
        return Scd(type=ScdType.HISTORY).open_end
    return _timestamp(scd, "open_end", None)


def _timestamp(scd: Section, key: str, default: datetime | None) -> datetime | None:
    parse: Callable[[str], datetime | None] = parse_timestamp
    return scd.literal(key, "DMS109", parse, default)


def _decode_fields(scd: Section, target: Target) -> Fields:
    if scd.text("fields") == "dms":
        return DMS_FIELDS
    fields, default = scd.section("fields"), _default_fields(target)
    key = _decode_key_name(fields, default.surrogate_key)
    return Fields(
        surrogate_key=key,
        valid_from=fields.text("valid_from") or default.valid_from,
        valid_to=fields.text("valid_to") or default.valid_to,
        is_current=fields.text("is_current") or default.is_current,
        inserted_at=fields.text("inserted_at") or default.inserted_at,
        modified_at=fields.text("modified_at") or default.modified_at,
        row_hash=fields.text("row_hash") or default.row_hash,
        is_deleted=fields.text("is_deleted") or default.is_deleted,
    )


def _decode_key_name(fields: Section, default: str | None) -> str | None:
    """``surrogate_key: name`` is short for ``{column: name}``; a mapping without a column keeps the default."""
    node = fields.child("surrogate_key")
    if node is not None and node.is_collection:
        return fields.section("surrogate_key").text("column") or default
    return fields.text("surrogate_key") if fields.has("surrogate_key") else default


def _decode_surrogate(scd: Section) -> SurrogateKey:
    node = scd.child("fields")
    fields = scd.section("fields") if node is not None and node.is_collection else Section(None, (), [])
    node = fields.child("surrogate_key")
    if node is None or not node.is_collection:
        return SurrogateKey()
    parts = fields.section("surrogate_key")
    named: TableName | None = None
    return SurrogateKey(
        made_from=parts.choice("from", KeyFrom.BLOCKS),
        sequence=parts.literal("sequence", "DMS110", parse_table_name, named),
    )


def _decode_member(member: Section) -> tuple[tuple[str, str | None], ...]:
    """The columns of the unknown member, each with its value as it is written."""
    return tuple((name, member.text(name)) for name in member.written_keys())


def _default_fields(target: Target) -> Fields:
    if target.kind is not Kind.DIMENSION:
        return Fields()
    return Fields(surrogate_key=f"{target.table.table}_sk")
