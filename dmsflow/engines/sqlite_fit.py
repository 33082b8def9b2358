"""Which stored values have no place in the declared type of their column, as SQL predicates. Runs nothing.

SQLite lets text stand in an INTEGER column. A column in which every value fits is read as its type; one in which a
value does not is read as text, so that the cast in staging refuses exactly that row.
"""

from dmsflow.engines.sqlite_values import is_text_decimal
from dmsflow.model.table import DataType, TypeName

RANGES = {TypeName.SMALLINT: 2**15, TypeName.INTEGER: 2**31}
EXACT_INTEGER = 2**53
HEX = "[0-9a-fA-F]"
UUID_PATTERN = "-".join(HEX * digits for digits in (8, 4, 4, 4, 12))
SINGLE = "_dms_is_single"
"""A function that the driver adds to each connection: whether a number is exact in four bytes."""


def write_misfit(column: str, data_type: DataType) -> str:
    """A predicate that holds for the values of a column that are no value of its type; NULL always fits."""
    fits = _write_fit(column, data_type)
    return f"({column} IS NOT NULL AND ({fits}) IS NOT TRUE)"


def _write_fit(c: str, data_type: DataType) -> str:
    match data_type.family:
        case "integer" | "decimal" | "float":
            return _fit_number(c, data_type)
        case "boolean":
            return f"typeof({c}) = 'integer' AND {c} IN (0, 1)"
        case "date":
            return f"typeof({c}) = 'text' AND date({c}, '+0 days') = {c} AND {c} NOT GLOB '0000*'"
        case "timestamp":
            return f"typeof({c}) = 'text' AND {_fit_timestamp(c)}"
        case "timestamptz":
            moment = f"substr({c}, 1, length({c}) - 6)"
            return f"typeof({c}) = 'text' AND substr({c}, -6) = '+00:00' AND {_fit_timestamp(moment)}"
        case "bytes":
            return f"typeof({c}) = 'blob'"
        case "uuid":
            return f"typeof({c}) = 'text' AND {c} GLOB '{UUID_PATTERN}'"
        case "json":
            return f"typeof({c}) = 'text' AND json_valid({c})"
    return f"typeof({c}) = 'text'"


def _fit_number(c: str, data_type: DataType) -> str:
    """In the range of its type, and no finer than its scale."""
    if data_type.name is TypeName.HUGEINT:
        return _fit_digits(c, 38, 0)
    if data_type.family == "integer":
        limit = RANGES.get(data_type.name)
        inside = f" AND {c} BETWEEN {-limit} AND {limit - 1}" if limit else ""
        return f"typeof({c}) = 'integer'{inside}"
    if data_type.family == "float":
        whole = f"{c} BETWEEN {-EXACT_INTEGER} AND {EXACT_INTEGER}"
        exact = f"(typeof({c}) = 'real' OR (typeof({c}) = 'integer' AND {whole}))"
        return f"{exact} AND {SINGLE}({c})" if data_type.name is TypeName.REAL else exact
    precision, scale = data_type.precision or 38, data_type.scale or 0
    if is_text_decimal(data_type):
        return _fit_digits(c, precision, scale)
    inside = f"{c} < 1e{precision - scale} AND {c} > -1e{precision - scale}"
    return f"typeof({c}) IN ('integer', 'real') AND {c} = round({c}, {scale}) AND {inside}"


def _fit_timestamp(c: str) -> str:
    """A valid day and time, to the second or with up to six digits more; a modifier makes SQLite check the calendar."""
    second = f"substr({c}, 1, 19)"
    digits = f"substr({c}, 20, 1) = '.' AND length({c}) BETWEEN 21 AND 26 AND substr({c}, 21) NOT GLOB '*[^0-9]*'"
    return (
        f"datetime({second}, '+0 days') = replace({second}, 'T', ' ') AND {c} NOT GLOB '0000*' "
        f"AND length({second}) = 19 AND (length({c}) = 19 OR ({digits}))"
    )


def _fit_digits(c: str, precision: int, scale: int) -> str:
    """A decimal as text with exactly ``scale`` decimals."""
    whole = f"substr({c}, 1, length({c}) - {scale + 1})" if scale else c
    digits = f"ltrim({whole}, '-')"
    fraction = f" AND substr({c}, {-scale - 1}, 1) = '.' AND substr({c}, {-scale}) NOT GLOB '*[^0-9]*'" if scale else ""
    return (
        f"typeof({c}) = 'text' AND {digits} NOT GLOB '*[^0-9]*' "
        f"AND length({digits}) BETWEEN 1 AND {max(precision - scale, 1)} "
        f"AND length({whole}) - length({digits}) <= 1{fraction}"
    )
