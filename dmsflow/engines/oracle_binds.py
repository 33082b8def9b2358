"""Parameters of Oracle's statements: their names, and the types in which the driver binds values. Opens nothing.

The driver binds a datetime as a DATE, which has no fraction of a second, and a float as a NUMBER, which has no NaN; the
handler below says otherwise. Names get a prefix, since a reserved word such as ``:start`` is no name to Oracle.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from dmsflow.engines.engine import Binds, Value

if TYPE_CHECKING:
    import oracledb

PREFIX = "p_"

TOKEN = re.compile(
    r"""
    (?<![\w$\#])[nN]?[qQ]'(?:\[.*?\]'|\{.*?\}'|\(.*?\)'|<.*?>'|(?P<mark>[^\s\[\{\(<]).*?(?P=mark)')   # q'[text]'
    | '(?:[^']|'')*' | "[^"]*" | --[^\n]* | /\*.*?\*/                                                  # text, names
    | :(?P<name>[A-Za-z_]\w*)
    """,
    re.DOTALL | re.VERBOSE,
)


def name_binds(sql: str, binds: Binds | None) -> tuple[str, dict[str, Any]]:
    """The statement with the names that Oracle takes, and the values of those that stand in it."""
    if not binds:
        return sql, {}
    found: dict[str, Any] = {}

    def write(token: re.Match[str]) -> str:
        name = token["name"]
        if name is None or name not in binds:
            return token[0]
        found[PREFIX + name] = to_driver(binds[name])
        return f":{PREFIX}{name}"

    return TOKEN.sub(write, sql), found


def to_driver(value: Value) -> Any:  # noqa: ANN401 - whatever the driver takes
    """A value as the driver binds it; an instant in the time zone of our sessions, which is UTC."""
    match value:
        case bool():
            return int(value)
        case datetime() if value.tzinfo is not None:
            return value.astimezone(UTC).replace(tzinfo=None)
        case UUID():
            return str(value)
    return value


def choose_type(cursor: "oracledb.Cursor", value: object, arraysize: int) -> "oracledb.Var | None":
    """The handler of input types of our connections (user guide, "Changing Bind Data Types using Input Type Handlers").

    A time without a fraction stays a DATE, so that an index on a DATE finds it.
    """
    import oracledb

    match value:
        case float():
            return cursor.var(oracledb.DB_TYPE_BINARY_DOUBLE, arraysize=arraysize)
        case datetime() if value.microsecond:
            return cursor.var(oracledb.DB_TYPE_TIMESTAMP, arraysize=arraysize)
    return None


def from_driver(value: Any, digits: int | None) -> Value:  # noqa: ANN401 - whatever the driver gives
    """A fetched value; a number of no declared digits, as of a count, is an int where it has no fraction."""
    match value:
        case Decimal() if not digits:
            return int(value) if value == value.to_integral_value() else value
        case dict() | list():
            # The driver reads a column that is known to hold JSON.
            import json

            return json.dumps(value, default=str)
    found: Value = value
    return found
