"""What Oracle turns into another type by itself: texts into numbers, numbers into texts; not what a session sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmsflow.rehearsal.dialects.calls import Untranslated
from dmsflow.rehearsal.dialects.kinds import (
    FLOAT,
    MAX_SCALE,
    MOMENTS,
    NULL,
    NUMBERS,
    TEXT,
    TEXTS,
    TIMESTAMP,
    Kind,
    Type,
    Value,
)
from dmsflow.rehearsal.dialects.scope import nearest_place
from dmsflow.rehearsal.dialects.templates import cast, decimal, text

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

from dmsflow.rehearsal.dialects.rewriter import Rewriter

NLS = "its text depends on a setting of the session: write TO_CHAR or TO_DATE with a format"


@dataclass(frozen=True, kw_only=True)
class OracleCoercion(Rewriter):
    """Arguments and sides of a comparison in the type that they are used in."""

    def take(self, letter: str, node: "Expr") -> "Expr":
        """An argument: t text, n number, d date, a any."""
        match letter:
            case "t":
                return self.as_text(self.value(node), node)
            case "n":
                return self.as_number(self.value(node), node)
            case "d":
                return self.as_date(self.value(node), node)
        return self.value(node).sql

    def as_text(self, value: Value, node: "Expr") -> "Expr":
        """The value as Oracle turns it into text by itself."""
        if value.kind in TEXTS or value.kind is Kind.NULL:
            return value.sql
        if value.kind is Kind.NUMBER:
            return self.call("ora_number_text", value.sql)
        raise Untranslated(node, _untold(value) or f"a {value.kind.value} is used as text, and {NLS}")

    def as_number(self, value: Value, node: "Expr") -> "Expr":
        """The value as a number; a text is read as one."""
        return self.numeric(value, node).sql

    def numeric(self, value: Value, node: "Expr") -> Value:
        """A number with its scale."""
        if value.kind in NUMBERS or value.kind is Kind.NULL:
            return value
        if value.kind in TEXTS:
            return Value(self.call("ora_number", value.sql), Type(Kind.NUMBER, MAX_SCALE))
        raise Untranslated(node, _untold(value) or f"a {value.kind.value} is used as a number")

    def as_date(self, value: Value, node: "Expr") -> "Expr":
        """The value as a TIMESTAMP of DuckDB."""
        if value.kind is Kind.NULL or value.kind in MOMENTS:
            return cast(value.sql, "TIMESTAMP")
        if value.kind is Kind.TIMESTAMPTZ:
            raise Untranslated(node, "a time zone is lost here: write CAST(... AS TIMESTAMP) first")
        raise Untranslated(node, _untold(value) or f"a {value.kind.value} is used as a date, and {NLS}")

    def fixed(self, value: Value) -> "Expr":
        """A number as a DECIMAL of its scale."""
        return decimal(value.sql, min(value.type.scale, MAX_SCALE))

    def alike(self, node: "Expr", left: "Expr", right: "Expr") -> "tuple[Expr, Expr]":
        """Two values as Oracle compares them: a text with a number as numbers, blank-padded texts without blanks."""
        from sqlglot import exp

        if isinstance(left, exp.Tuple) or isinstance(right, exp.Tuple):
            return Rewriter.alike(self, node, left, right)
        first, second = self.value(left), self.value(right)
        kinds = (first.kind, second.kind)
        if kinds == (Kind.CHAR, Kind.CHAR):
            return self.call("rtrim", first.sql, text(" ")), self.call("rtrim", second.sql, text(" "))
        for value, part in ((first, left), (second, right)):
            if Kind.NULL not in kinds and (told := _untold(value)):
                raise Untranslated(nearest_place(part), told)
        if Kind.NULL in kinds or all(kind in TEXTS for kind in kinds):
            return first.sql, second.sql
        if any(kind in NUMBERS for kind in kinds):
            return self.as_number(first, left), self.as_number(second, right)
        self.check_alike(right if second.kind in TEXTS else left, first.type, second.type)
        if all(kind in MOMENTS for kind in kinds):
            return self.as_date(first, left), self.as_date(second, right)
        return first.sql, second.sql

    def check_alike(self, node: "Expr", left: Type, right: Type) -> None:
        """Refuse a date compared with a text, whose meaning a session sets, and other mixtures."""
        kinds = {left.kind, right.kind}
        if kinds & {Kind.NULL, Kind.UNKNOWN} or kinds <= set(TEXTS) or kinds <= set(NUMBERS) or kinds <= set(MOMENTS):
            return
        if len(kinds) == 1:
            return
        if kinds & set(MOMENTS) and kinds & set(TEXTS):
            raise Untranslated(node, f"a date is compared with a text, and {NLS}")
        names = " with a ".join(sorted(kind.value for kind in kinds))
        raise Untranslated(node, f"a {names} is compared")

    def unify(self, node: "Expr", parts: "Sequence[Expr]") -> "tuple[list[Expr], Type]":
        """Results of a CASE or COALESCE: of one family, as Oracle demands."""
        values = [self.value(part) for part in parts]
        kinds = {value.kind for value in values} - {Kind.NULL}
        types = [value.type for value in values if value.kind is not Kind.NULL]
        if not kinds:
            return [value.sql for value in values], NULL
        if kinds <= {Kind.NUMBER}:
            scale = max(kind.scale for kind in types)
            return [value.sql for value in values], Type(Kind.NUMBER, scale, all(kind.whole for kind in types))
        for family in (NUMBERS, TEXTS, MOMENTS):
            if kinds <= set(family):
                dated = family is MOMENTS
                sqls = [
                    self.as_date(value, part) if dated else value.sql for value, part in zip(values, parts, strict=True)
                ]
                return sqls, types[0] if len(kinds) == 1 else _widest(kinds)
        if len(kinds) == 1:
            return [value.sql for value in values], types[0]
        first = types[0].kind
        named = " and a ".join(sorted(kind.value for kind in kinds))
        odd = next(part for value, part in zip(values, parts, strict=True) if value.kind not in (first, Kind.NULL))
        raise Untranslated(nearest_place(odd), f"one of several results is a {named}: Oracle wants one type")

    def convert(self, value: Value, node: "Expr", wanted: Type) -> "Expr":
        """A value in the type of another one."""
        if wanted.kind in TEXTS:
            return self.as_text(value, node)
        if wanted.kind in NUMBERS:
            return self.as_number(value, node)
        if wanted.kind in MOMENTS:
            return self.as_date(value, node)
        if value.kind in (wanted.kind, Kind.NULL):
            return value.sql
        raise Untranslated(node, f"a {value.kind.value} is used as a {wanted.kind.value}")


def _widest(kinds: set[Kind]) -> Type:
    """The type of a mixture within a family."""
    if kinds <= set(NUMBERS):
        return FLOAT
    if kinds <= set(TEXTS):
        return TEXT
    return TIMESTAMP if Kind.TIMESTAMP in kinds else Type(Kind.MOMENT)


def _untold(value: Value) -> str:
    """What to say of a value whose type nothing tells; nothing where it is known."""
    return "the type of this value cannot be told: give its column a type" if value.kind is Kind.UNKNOWN else ""
