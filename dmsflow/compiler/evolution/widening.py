"""Which type holds every value of another, and which would show what the other has cut off. Pure."""

from dmsflow.model.table import DataType, TypeName, cast_can_fail

EXACT_FLOATS = {
    TypeName.REAL: (TypeName.SMALLINT,),
    TypeName.DOUBLE: (TypeName.SMALLINT, TypeName.INTEGER, TypeName.REAL),
}
"""The types of which a float keeps every digit (IEEE 754)."""


def widens(old: DataType, new: DataType) -> bool:
    """Whether every value of the old type is one of the new, and compares there as before."""
    if old.foreign or new.foreign:
        return False
    if new.name in EXACT_FLOATS:
        return old.name in EXACT_FLOATS[new.name]
    match old.family, new.family:
        case ("text", "text"):
            return new.length is None or (old.length is not None and old.length <= new.length)
        case ("integer", "integer") | ("integer", "decimal") | ("decimal", "decimal"):
            return not cast_can_fail(old, new)
        case ("date", "timestamp"):
            return True
    return False


def reveals(old: DataType, new: DataType, arrives: DataType) -> bool:
    """Whether values that arrive were cut to fit the old type, and would differ from what is stored in the new one.

    Digits after the point, or a time of day: each row that has some would be a change that nobody made. So would be a
    half of a float, which databases make an integer by another rule than a decimal.
    """
    match old.family, new.family:
        case ("integer", "decimal") if not new.scale:
            return arrives.family == "float"
        case ("integer", "decimal" | "float"):
            return arrives.family != "integer"
        case ("decimal", "decimal") if (new.scale or 0) > (old.scale or 0):
            exact = arrives.family == "decimal" and arrives.precision is not None
            return arrives.family != "integer" and not (exact and (arrives.scale or 0) <= (old.scale or 0))
        case ("float", "float"):
            return arrives.name is not old.name
        case ("date", "timestamp"):
            return arrives.family != "date"
    return False
