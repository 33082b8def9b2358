"""Oracle's functions that choose between values, and what they take NULL for."""

from typing import TYPE_CHECKING

from dmsflow.rehearsal.dialects.calls import Build
from dmsflow.rehearsal.dialects.kinds import BOOLEAN, CHAR, NULL, NUMBERS, TEXT, TEXTS, Kind, Type, Value
from dmsflow.rehearsal.dialects.templates import fill

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

    from dmsflow.rehearsal.dialects.oracle import OracleRewriter


def _as(kind: Type) -> Type:
    """A result of blank-padded texts is not padded."""
    return TEXT if kind.kind in TEXTS else kind


def _joint(first: Type, *others: Type) -> Type:
    """The type of the first, with the digits of all."""
    if first.kind in NUMBERS:
        kinds = {kind.kind for kind in (first, *others)}
        if Kind.FLOAT in kinds:
            return Type(Kind.FLOAT)
        texts = 18 if kinds & set(TEXTS) else 0
        return Type(Kind.NUMBER, max(texts, *(kind.scale for kind in (first, *others))))
    return _as(first)


def coalesce(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """The first that is not NULL, of one type."""
    values, kind = rewriter.unify(node, arguments)
    return Value(rewriter.call("coalesce", *values), _as(kind))


def nvl(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """A default, in the type of the value."""
    value, default = (rewriter.value(part) for part in arguments)
    wanted = default.type if value.kind is Kind.NULL else value.type
    parts = [rewriter.convert(given, part, wanted) for given, part in zip((value, default), arguments, strict=True)]
    return Value(rewriter.call("coalesce", *parts), _joint(wanted, default.type))


def nvl2(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """One of two, the second in the type of the first."""
    tested, first, second = (rewriter.value(part) for part in arguments)
    wanted = CHAR if first.kind is Kind.NULL else first.type
    sql = fill(
        "CASE WHEN {t} IS NOT NULL THEN {a} ELSE {b} END",
        t=tested.sql,
        a=rewriter.convert(first, arguments[1], wanted),
        b=rewriter.convert(second, arguments[2], wanted),
    )
    return Value(sql, _joint(wanted, second.type))


def nullif(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """NULL where two are equal."""
    left, right = rewriter.alike(node, *arguments)
    value = rewriter.value(arguments[0])
    return Value(fill("CASE WHEN {a} = {b} THEN NULL ELSE {v} END", a=left, b=right, v=value.sql), value.type)


def decode(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """The result of the first search that equals the value, NULL equal to NULL; all in the type of the first result."""
    from sqlglot import exp

    tested, *rest = arguments
    default = rest.pop() if len(rest) % 2 else None
    searches, results = rest[::2], rest[1::2]
    values = [rewriter.value(part) for part in (*results, *([default] if default is not None else []))]
    first = values[0]
    wanted = CHAR if first.kind is Kind.NULL or first.kind in TEXTS else first.type
    shown = [*results, *([default] if default is not None else [])]
    converted = [rewriter.convert(value, part, wanted) for value, part in zip(values, shown, strict=True)]
    ifs = []
    for search, result in zip(searches, converted, strict=False):
        left, right = _searched(rewriter, node, tested, search, searches[0])
        ifs.append(exp.If(this=exp.NullSafeEQ(this=left, expression=right), true=result))
    made = exp.Case(ifs=ifs, default=converted[-1] if default is not None else None)
    kind = _joint(wanted, *(value.type for value in values)) if first.kind is not Kind.NULL else TEXT
    return Value(made, NULL if {value.kind for value in values} == {Kind.NULL} else kind)


def _searched(
    rewriter: "OracleRewriter", node: "Expr", tested: "Expr", search: "Expr", first: "Expr"
) -> "tuple[Expr, Expr]":
    """Oracle compares in the type of the first search value."""
    kind = rewriter.value(first).kind
    if kind in TEXTS and rewriter.value(tested).kind in (*TEXTS, Kind.NUMBER, Kind.NULL):
        return rewriter.take("t", tested), rewriter.take("t", search)
    return rewriter.alike(node, tested, search)


def extreme(name: str) -> Build:
    """The greatest or the least; NULL where one is."""

    def build(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
        from sqlglot import exp

        values = [rewriter.value(part) for part in arguments]
        wanted = next((value.type for value in values if value.kind is not Kind.NULL), NULL)
        parts = [
            value.sql if wanted.kind is Kind.NULL else rewriter.convert(value, part, wanted)
            for value, part in zip(values, arguments, strict=True)
        ]
        missing = exp.or_(*[exp.Is(this=part.copy(), expression=exp.Null()) for part in parts], copy=False)
        called = rewriter.call(name, *parts)
        kind = _joint(wanted, *(value.type for value in values))
        return Value(exp.Case(ifs=[exp.If(this=missing, true=exp.Null())], default=called), kind)

    return build


def lnnvl(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """Whether a condition is false or unknown."""
    return Value(fill("NOT coalesce({c}, FALSE)", c=rewriter.condition(arguments[0])), BOOLEAN)
