"""Surrogate keys in Oracle's words. Opens nothing.

What Oracle keeps as a value of another type, a boolean, a day or a UUID, has another text the next time: it names none.
"""

from collections.abc import Sequence

from dmsflow.engines.name_keys import cut_key
from dmsflow.model.table import DataType

NAMING = ("integer", "decimal", "text", "timestamp", "timestamptz")
MOMENT = "YYYY-MM-DD HH24:MI:SS.FF6"


def name_key(types: Sequence[DataType]) -> str | None:
    """A surrogate key over values of these types (see name_keys); None where one of them has no lasting text."""
    if any(it.family not in NAMING or it.foreign for it in types):
        return None
    name = " || ".join(_write_part(f"{{{i}}}", data_type) for i, data_type in enumerate(types))
    key = cut_key(f"LOWER(RAWTOHEX(STANDARD_HASH({name}, 'SHA256')))")
    return rf"REGEXP_REPLACE({key}, '(.{{{{8}}}})(.{{{{4}}}})(.{{{{4}}}})(.{{{{4}}}})(.*)', '\1-\2-\3-\4-\5')"


def _write_part(sql: str, data_type: DataType) -> str:
    match data_type.family:
        case "text":
            return f"LENGTHB({sql}) || ':' || {sql}"
        case "timestamp":
            return f"{_write_moment(f'CAST({sql} AS TIMESTAMP(6))')} || ','"
        case "timestamptz":
            return f"{_write_moment(f'SYS_EXTRACT_UTC({sql})')} || ','"
    scale = data_type.scale or 0
    digits = "9" * ((data_type.precision or 38) - scale - 1) + "0" + ("D" + "0" * scale if scale else "")
    return f"TO_CHAR({sql}, 'FM{digits}', 'NLS_NUMERIC_CHARACTERS=''.,''') || ','"


def _write_moment(sql: str) -> str:
    return f"RTRIM(RTRIM(TO_CHAR({sql}, '{MOMENT}'), '0'), '.')"
