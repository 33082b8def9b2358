"""Oracle's functions of numbers: exact, rounded half away from zero."""

from typing import TYPE_CHECKING

from dmsflow.rehearsal.dialects.calls import Build, Untranslated
from dmsflow.rehearsal.dialects.date_models import UnknownModel
from dmsflow.rehearsal.dialects.kinds import MAX_SCALE, Kind, Type, Value
from dmsflow.rehearsal.dialects.number_models import read_number, write_number
from dmsflow.rehearsal.dialects.templates import decimal, fill, number, text

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

    from dmsflow.rehearsal.dialects.oracle import OracleRewriter


def constant_text(node: "Expr", what: str) -> str:
    """The text that a literal holds. Raises Untranslated where it is computed."""
    from sqlglot import exp

    if isinstance(node, exp.Literal | exp.RawString | exp.National) and getattr(node, "is_string", True):
        return str(node.this)
    raise Untranslated(node, f"{what} is not a text constant, so that it cannot be read before the run")


def constant_integer(node: "Expr", what: str) -> int:
    """The integer that a literal holds."""
    from sqlglot import exp

    inner = node.this if isinstance(node, exp.Neg) else node
    if isinstance(inner, exp.Literal) and inner.is_int:
        return -int(inner.this) if inner is not node else int(inner.this)
    raise Untranslated(node, f"{what} is not an integer constant")


def unit(scale: int) -> "Expr":
    """One in the last digit of that scale."""
    return decimal(number(f"0.{'0' * (scale - 1)}1" if scale else "1"), scale)


def exact(rewriter: "OracleRewriter", value: Value) -> Value:
    """A number as a decimal, also one that is stored in binary."""
    if value.kind is Kind.FLOAT:
        return Value(rewriter.call("exact_decimal", value.sql), Type(Kind.NUMBER, MAX_SCALE))
    return Value(rewriter.fixed(value), value.type)


def absolute(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """The number without its sign."""
    value = rewriter.numeric(rewriter.value(arguments[0]), arguments[0])
    sql = value.sql if value.kind is Kind.FLOAT else rewriter.fixed(value)
    return Value(rewriter.call("abs", sql), Type(value.kind, value.type.scale))


def whole(name: str) -> Build:
    """CEIL and FLOOR."""

    def build(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
        value = exact(rewriter, rewriter.numeric(rewriter.value(arguments[0]), arguments[0]))
        return Value(decimal(rewriter.call(name, value.sql), 0), Type(Kind.NUMBER, 0, True))

    return build


def modulo(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """The rest, with the sign of the first; by zero it is the first."""
    left, right = (exact(rewriter, rewriter.numeric(rewriter.value(part), part)) for part in arguments)
    scale = min(max(left.type.scale, right.type.scale), MAX_SCALE)
    both = (decimal(left.sql, scale), decimal(right.sql, scale))
    return Value(rewriter.call("exact_mod", *both, unit(scale)), Type(Kind.NUMBER, scale))


def round_number(rewriter: "OracleRewriter", value: Value, digits: int) -> Value:
    """Half away from zero; negative digits round before the point."""
    given = exact(rewriter, value)
    if digits < 0:
        return Value(rewriter.call("ora_round_whole", given.sql, number(-digits)), Type(Kind.NUMBER, 0))
    if digits >= given.type.scale:
        return given
    return Value(rewriter.call("round", given.sql, number(digits)), Type(Kind.NUMBER, digits))


def trunc_number(rewriter: "OracleRewriter", value: Value, digits: int) -> Value:
    """Digits cut off."""
    given = exact(rewriter, value)
    if digits < 0:
        return Value(rewriter.call("ora_trunc_whole", given.sql, number(-digits)), Type(Kind.NUMBER, 0))
    if digits >= given.type.scale:
        return given
    factor = number(10 ** (given.type.scale - digits))
    return Value(rewriter.call("ora_trunc_part", given.sql, factor, unit(digits)), Type(Kind.NUMBER, digits))


def to_number(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """A text read as a number."""
    value = rewriter.value(arguments[0])
    if len(arguments) == 1:
        return rewriter.numeric(value, arguments[0])
    try:
        shape, places = read_number(constant_text(arguments[1], "the format"))
    except UnknownModel as error:
        raise Untranslated(arguments[1], str(error)) from error
    given = rewriter.as_text(value, arguments[0])
    sql = rewriter.call("ora_number_read", given, text(shape), number(places))
    return Value(sql, Type(Kind.NUMBER, MAX_SCALE))


def number_to_char(rewriter: "OracleRewriter", value: Value, model: "Expr") -> "Expr":
    """A number written by its format."""
    given = exact(rewriter, value)
    form = constant_text(model, "the format")
    if form.upper() in ("TM9", "TM"):
        return rewriter.call("ora_number_text", given.sql)
    try:
        return fill(write_number(form), x=given.sql)
    except UnknownModel as error:
        raise Untranslated(model, str(error)) from error
