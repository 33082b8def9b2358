"""Oracle's functions of dates, and those that take a date or a number."""

from typing import TYPE_CHECKING

from dmsflow.rehearsal.dialects.calls import Build, Untranslated
from dmsflow.rehearsal.dialects.date_models import (
    FRACTIONS,
    UnknownModel,
    moment_sql,
    read_model,
    split_model,
    write_date,
)
from dmsflow.rehearsal.dialects.kinds import (
    DATE,
    DAYS,
    MOMENTS,
    MONTHS,
    NUMBERS,
    TEXT,
    TEXTS,
    Kind,
    Type,
    Value,
)
from dmsflow.rehearsal.dialects.oracle_numbers import (
    constant_integer,
    constant_text,
    number_to_char,
    round_number,
    trunc_number,
)
from dmsflow.rehearsal.dialects.templates import fill, number, text

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

    from dmsflow.rehearsal.dialects.oracle import OracleRewriter

UNITS = {
    "DAY OF MONTH": ("DDD", "DD", "J"),
    "YEAR": ("SYYYY", "YYYY", "YEAR", "SYEAR", "YYY", "YY", "Y"),
    "ISO YEAR": ("IYYY", "IYY", "IY", "I"),
    "QUARTER": ("Q",),
    "MONTH": ("MONTH", "MON", "MM", "RM"),
    "WEEK OF YEAR": ("WW",),
    "ISO WEEK": ("IW",),
    "WEEK OF MONTH": ("W",),
    "WEEK": ("DAY", "DY", "D"),
    "CENTURY": ("CC", "SCC"),
    "HOUR": ("HH", "HH12", "HH24"),
    "MINUTE": ("MI",),
}
TRUNCS = {
    "DAY OF MONTH": "date_trunc('day', {d})",
    "YEAR": "date_trunc('year', {d})",
    "ISO YEAR": "ora_trunc_iso_year({d})",
    "QUARTER": "date_trunc('quarter', {d})",
    "MONTH": "date_trunc('month', {d})",
    "WEEK OF YEAR": "ora_trunc_year_week({d})",
    "ISO WEEK": "CAST(date_trunc('week', {d}) AS TIMESTAMP)",
    "WEEK OF MONTH": "ora_trunc_month_week({d})",
    "WEEK": "ora_trunc_week({d})",
    "CENTURY": "ora_trunc_century({d})",
    "HOUR": "date_trunc('hour', {d})",
    "MINUTE": "date_trunc('minute', {d})",
}
ROUNDS = {
    "DAY OF MONTH": "date_trunc('day', {d} + INTERVAL 12 HOUR)",
    "YEAR": "ora_round_year({d})",
    "QUARTER": "ora_round_quarter({d})",
    "MONTH": "ora_round_month({d})",
    "HOUR": "date_trunc('hour', {d} + INTERVAL 30 MINUTE)",
    "MINUTE": "date_trunc('minute', {d} + INTERVAL 30 SECOND)",
}
DAY_NAMES = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
MICROSECONDS = {"DAY": 86_400_000_000, "HOUR": 3_600_000_000, "MINUTE": 60_000_000, "SECOND": 1_000_000}


def trunc(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """TRUNC of a number or of a date."""
    return _cut(rewriter, node, arguments, "TRUNC")


def round_(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """ROUND of a number or of a date."""
    return _cut(rewriter, node, arguments, "ROUND")


def _cut(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]", name: str) -> Value:
    value = rewriter.value(arguments[0])
    if value.kind in MOMENTS or (value.kind is Kind.NULL and _is_unit(arguments)):
        given = constant_text(arguments[1], "the unit") if len(arguments) > 1 else "DD"
        unit = next((unit for unit, words in UNITS.items() if given.upper() in words), None)
        templates = TRUNCS if name == "TRUNC" else ROUNDS
        if unit is None or unit not in templates:
            raise Untranslated(arguments[1], f'{name} of a date to "{given}" is not covered')
        return Value(fill(templates[unit], d=rewriter.as_date(value, arguments[0])), DATE)
    if value.kind in (Kind.UNKNOWN, Kind.OTHER, Kind.TIMESTAMPTZ):
        raise Untranslated(arguments[0], f"whether {name} cuts a number or a date cannot be told: cast it")
    digits = constant_integer(arguments[1], "the number of digits") if len(arguments) > 1 else 0
    given_number = rewriter.numeric(value, arguments[0])
    cut = trunc_number if name == "TRUNC" else round_number
    return cut(rewriter, given_number, digits)


def _is_unit(arguments: "list[Expr]") -> bool:
    from sqlglot import exp

    return len(arguments) > 1 and isinstance(arguments[1], exp.Literal) and bool(arguments[1].is_string)


def to_char(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """A value written as text."""
    value, given = rewriter.value(arguments[0]), arguments[0]
    if len(arguments) == 1 or value.kind in TEXTS or value.kind is Kind.NULL:
        if len(arguments) > 1 and value.kind in TEXTS:
            raise Untranslated(given, "a text has no format: write TO_NUMBER or TO_DATE in it")
        return Value(rewriter.as_text(value, given), TEXT)
    if value.kind in NUMBERS:
        return Value(number_to_char(rewriter, value, arguments[1]), TEXT)
    model = constant_text(arguments[1], "the format")
    try:
        if value.kind is Kind.DATE and any(part.name in FRACTIONS for part in split_model(model)):
            raise UnknownModel(f'a DATE has no fraction of a second, as in the format "{model}"')
        template = write_date(model)
    except UnknownModel as error:
        raise Untranslated(arguments[1], str(error)) from error
    moment = fill("CAST({t} AS TIMESTAMP)", t=value.sql)
    if value.kind is not Kind.TIMESTAMPTZ:
        moment = rewriter.as_date(value, given)
    return Value(fill(template, d=moment), TEXT)


def to_moment(returns: Type) -> Build:
    """TO_DATE or TO_TIMESTAMP."""

    def build(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
        value = rewriter.value(arguments[0])
        form = constant_text(arguments[1], "the format")
        try:
            model = read_model(form)
            if returns is DATE and any(name in FRACTIONS for name in model.groups):
                raise UnknownModel(f'a DATE has no fraction of a second, as in the format "{form}"')
        except UnknownModel as error:
            raise Untranslated(arguments[1], str(error)) from error
        sql = moment_sql(model.groups, "CAST(now() AS TIMESTAMP)")
        for index in range(len(model.groups), 0, -1):
            sql = sql.replace(f"{{m}}[{index}]", f"regexp_extract({{t}}, {{p}}, {index})")
        told = (
            "CASE WHEN {t} IS NULL THEN NULL WHEN NOT regexp_matches({t}, {p}) THEN error({w} || {t}) ELSE "
            + sql
            + " END"
        )
        wrong = text(f'the format "{form}" does not read the text ')
        given = rewriter.as_text(value, arguments[0])
        return Value(fill(told, t=given, p=text(model.pattern), w=wrong), returns)

    return build


def add_months(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """The same day of another month; the last day stays the last."""
    moment = fill("date_trunc('second', {d})", d=rewriter.take("d", arguments[0]))
    return Value(rewriter.call("ora_add_months", moment, rewriter.take("n", arguments[1])), DATE)


def next_day(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """The first such day of the week that is later."""
    name = constant_text(arguments[1], "the day").strip().upper()
    found = [index for index, day in enumerate(DAY_NAMES, 1) if len(name) >= 3 and day.startswith(name)]
    if not found:
        raise Untranslated(arguments[1], f'"{name}" is no English name of a day')
    return Value(rewriter.call("ora_next_day", rewriter.take("d", arguments[0]), number(found[0])), DATE)


def days_interval(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """A number of days, hours, minutes or seconds as an interval."""
    unit = constant_text(arguments[1], "the unit").strip().upper()
    if unit not in MICROSECONDS:
        raise Untranslated(arguments[1], f'"{unit}" is none of {", ".join(MICROSECONDS)}')
    return Value(rewriter.call("ora_interval", rewriter.take("n", arguments[0]), number(MICROSECONDS[unit])), DAYS)


def months_interval(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """A number of months or years as an interval."""
    unit = constant_text(arguments[1], "the unit").strip().upper()
    if unit not in ("YEAR", "MONTH"):
        raise Untranslated(arguments[1], f'"{unit}" is none of YEAR, MONTH')
    size = number(12 if unit == "YEAR" else 1)
    return Value(fill("to_months(CAST({n} * {s} AS INTEGER))", n=rewriter.take("n", arguments[0]), s=size), MONTHS)
