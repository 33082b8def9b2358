"""SQLite's stored values as Arrow arrays and back, exact both ways. Opens nothing; imports pyarrow, so import late."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from dmsflow.engines.generic_arrow import Array, Reading, Values, Writer, arrow_type, read_uuids
from dmsflow.engines.sqlite_values import is_text_decimal, write_decimal, write_number
from dmsflow.errors import PermanentError
from dmsflow.model.table import DataType

BOOLEANS = {0: False, 1: True, None: None}
FIRST_YEAR, LAST_YEAR = 1, 9999
FROM_TEXT = ("date", "timestamp", "timestamptz")
NUMBERS = ("integer", "decimal", "float", "boolean")
UUID_TEXT = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def plan_column(name: str, data_type: DataType, *, fits: bool) -> Reading:
    """How to read a column: as its type where every value fits, else as text that a cast can refuse."""
    wanted = arrow_type(data_type)
    if not fits:
        return Reading(name=name, type=pa.string(), read=_text_reader(name, data_type))
    return Reading(name=name, type=wanted, read=_reader(data_type, wanted))


def _reader(data_type: DataType, wanted: pa.DataType) -> Callable[[Values], Array]:
    match data_type.family:
        case "boolean":
            return lambda values: pa.array([BOOLEANS[value] for value in values], wanted)
        case "decimal" if is_text_decimal(data_type):
            return lambda values: pa.array(values, pa.string()).cast(wanted)
        case "decimal":
            return lambda values: pa.array([_read_decimal(value) for value in values], wanted)
        case "uuid":
            return read_uuids
        case "date" | "timestamp" | "timestamptz":
            return lambda values: pa.array(values, pa.string()).cast(wanted)
        case "integer" if pa.types.is_decimal(wanted):
            return lambda values: pa.array([_read_decimal(value) for value in values], wanted)
    return lambda values: pa.array(values, wanted)


def _read_decimal(value: object) -> Decimal | None:
    """The shortest decimal that a number stands for."""
    return None if value is None else Decimal(value if isinstance(value, int | str | Decimal) else repr(value))


def _text_reader(name: str, data_type: DataType) -> Callable[[Values], Array]:
    """Every value as text: one that is no value of the type stays recognisable as such."""
    if data_type.family == "bytes":
        return lambda values: pa.array([_bytes_as_text(value) for value in values], pa.string())
    textual = data_type.family in ("text", "other", "json")

    def read(values: Values) -> Array:
        if textual and any(isinstance(value, bytes) for value in values):
            raise PermanentError(
                f'column "{name}" is text and holds bytes: write cast("{name}" as text) in a query of the source'
            )
        return pa.array([_as_text(value) for value in values], pa.string())

    return read


def _as_text(value: object) -> str | None:
    match value:
        case None | str():
            return value
        case bytes():
            return f"x'{value.hex()}'"
    return repr(value)


def _bytes_as_text(value: object) -> str | None:
    r"""Bytes as DuckDB reads them from text (\xAB); any other value as text that it refuses."""
    match value:
        case None:
            return None
        case bytes():
            return "".join(f"\\x{byte:02X}" for byte in value)
    return f"\\{value}"


def plan_writing(data_type: DataType) -> Writer:
    """How to write Arrow values into a column of this declared type; text that is no value of it is refused."""
    family = data_type.family
    if is_text_decimal(data_type):
        return lambda array: [_write_exact(value, data_type.scale or 0) for value in array.to_pylist()]
    if family == "uuid":
        return lambda array: _write(_check_uuids(array) if pa.types.is_string(array.type) else array)
    wanted = arrow_type(data_type)

    def write(array: Array) -> list[Any]:
        textual = pa.types.is_string(array.type) or pa.types.is_large_string(array.type)
        if textual and family == "bytes":
            raise PermanentError("text arrives where bytes are declared: cast it in the source")
        moves = family in FROM_TEXT or (textual and family in NUMBERS)
        return _write(array.cast(wanted) if moves else array)

    return write


def _check_uuids(array: Array) -> Array:
    matches: Any = pc.match_substring_regex(array, f"^{UUID_TEXT}$")
    if pc.all(matches).as_py() is False:
        raise PermanentError("text arrives that is no UUID: cast it in the source")
    return array


def _write_exact(value: Any, scale: int) -> str | None:  # noqa: ANN401 - any number
    return None if value is None else write_decimal(_read_decimal(value) or Decimal(0), scale)


def _write(array: Array) -> list[Any]:
    """Arrow values as SQLite stores them."""
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return [None if value is None else _write_uuid(value) for value in array.storage.to_pylist()]
    if pa.types.is_dictionary(kind):
        return _write(array.dictionary_decode())  # type: ignore[attr-defined]
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _write_time(array)
    if pa.types.is_boolean(kind):
        return list(array.cast(pa.int8()).to_pylist())
    if pa.types.is_decimal(kind):
        return [None if value is None else write_number(value) for value in array.to_pylist()]
    if pa.types.is_floating(kind) and pc.any(pc.is_nan(array)).as_py():
        raise PermanentError("SQLite cannot store NaN: it would become NULL")
    if pa.types.is_time(kind):
        return list(array.cast(pa.string()).to_pylist())
    if pa.types.is_nested(kind) or pa.types.is_interval(kind):
        raise PermanentError(f"SQLite has no type for {kind}: cast it to text or json")
    return list(array.to_pylist())


def _write_uuid(value: bytes | str) -> str:
    return str(UUID(bytes=value)) if isinstance(value, bytes) else value


def _write_time(array: Array) -> list[Any]:
    """Dates and times as text of one form, so that text sorts as time does."""
    years: Any = pc.min_max(pc.year(array)).as_py()  # type: ignore[call-overload]
    if years["min"] is not None and not (years["min"] >= FIRST_YEAR and years["max"] <= LAST_YEAR):
        raise PermanentError("SQLite keeps time as text, from year 1 to 9999: a value lies outside")
    if pa.types.is_date(array.type):
        return list(array.cast(pa.date32()).cast(pa.string()).to_pylist())
    suffix = "" if array.type.tz is None else "+00:00"
    moments = array.cast(pa.timestamp("us", tz="UTC" if suffix else None))
    texts = moments.cast(pa.timestamp("us")).cast(pa.string()).to_pylist()
    return [None if text is None else text + suffix for text in texts] if suffix else list(texts)
