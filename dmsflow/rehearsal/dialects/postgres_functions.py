"""The functions of PostgreSQL that are covered: one table, which the reference lists."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from dmsflow.rehearsal.dialects.calls import Build, Function, Untranslated, built, signed
from dmsflow.rehearsal.dialects.date_models import UnknownModel, moment_sql, read_model, write_prefixed
from dmsflow.rehearsal.dialects.kinds import (
    BOOLEAN,
    DATE,
    FLOAT,
    INTEGER,
    MAX_SCALE,
    MOMENTS,
    OTHER,
    TEXT,
    TIMESTAMP,
    TIMESTAMPTZ,
    Kind,
    Type,
    Value,
)
from dmsflow.rehearsal.dialects.oracle_numbers import constant_integer, constant_text
from dmsflow.rehearsal.dialects.scope import nearest_place
from dmsflow.rehearsal.dialects.templates import cast, decimal, fill, text

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

    from dmsflow.rehearsal.dialects.postgres import PostgresRewriter

EXACT = Type(Kind.NUMBER, MAX_SCALE)
UNITS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second")
TIMES = (*MOMENTS, Kind.TIMESTAMPTZ)


def match(rewriter: "PostgresRewriter", given: "Expr", pattern: "Expr", flags: str) -> Value:
    """Whether a text has a match of a regular expression."""
    written = text(_pattern(pattern, flags))
    return Value(rewriter.call("regexp_matches", rewriter.take("t", given), written), BOOLEAN)


def _pattern(node: "Expr", flags: str) -> str:
    """A pattern that RE2 reads as PostgreSQL does; a dot takes line breaks."""
    written = constant_text(node, "the pattern")
    if re.search(r"\\(?![dwsDWS]|[^\w\s])|\(\?|\[[.=]|\[:(?!alpha|digit|alnum|space|upper|lower|punct)", written):
        raise Untranslated(node, "this pattern has a part that RE2, by which DuckDB searches, reads otherwise")
    return f"(?{'i' if 'i' in flags else ''}s)" + written


def _regexp_replace(rewriter: "PostgresRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    flags = constant_text(arguments[3], "the flags") if len(arguments) > 3 else ""
    if set(flags) - set("gi"):
        raise Untranslated(arguments[3], "the flags g and i are covered")
    written = constant_text(arguments[1], "the pattern")
    by = constant_text(arguments[2], "the replacement")
    if "|" in written or "\\&" in by or re.fullmatch(r"(?:.\*)*", written):
        raise Untranslated(
            arguments[1], "alternatives, and matches of nothing, are not covered where they are replaced"
        )
    parts = {"t": rewriter.take("t", arguments[0]), "p": text(_pattern(arguments[1], flags)), "r": text(by)}
    options = ", 'g'" if "g" in flags else ""
    return Value(fill(f"regexp_replace({{t}}, {{p}}, {{r}}{options})", **parts), TEXT)


def _to_char(rewriter: "PostgresRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    value = rewriter.value(arguments[0])
    if value.kind not in TIMES:
        raise Untranslated(nearest_place(arguments[0]), f"to_char of a {value.kind.value} is not covered")
    try:
        template = write_prefixed(constant_text(arguments[1], "the format"))
    except UnknownModel as error:
        raise Untranslated(arguments[1], str(error)) from error
    return Value(fill(template, d=cast(value.sql, "TIMESTAMP")), TEXT)


def _read_moment(returns: Type) -> Build:
    def build(rewriter: "PostgresRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
        form = constant_text(arguments[1], "the format")
        try:
            model = read_model(form)
        except UnknownModel as error:
            raise Untranslated(arguments[1], str(error)) from error
        groups = set(model.groups)
        if "YYYY" not in groups or not ((groups & {"MM", "MON", "MONTH"} and "DD" in groups) or "DDD" in groups):
            raise Untranslated(arguments[1], "a format is covered that has YYYY and tells the day")
        sql = moment_sql(model.groups, "CAST(now() AS TIMESTAMP)")
        for index in range(len(model.groups), 0, -1):
            sql = sql.replace(f"{{m}}[{index}]", f"regexp_extract({{t}}, {{p}}, {index})")
        told = f"CASE WHEN NOT regexp_matches({{t}}, {{p}}) THEN error({{w}} || {{t}}) ELSE {sql} END"
        parts = {"t": rewriter.take("t", arguments[0]), "p": text(model.pattern)}
        read = fill(told, **parts, w=text(f'the format "{form}" does not read the text '))
        return Value(cast(read, "DATE" if returns is DATE else "TIMESTAMPTZ"), returns)

    return build


def _date_trunc(rewriter: "PostgresRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    unit = constant_text(arguments[0], "the unit").lower()
    if unit not in UNITS:
        raise Untranslated(arguments[0], f"date_trunc is covered to {', '.join(UNITS)}")
    value = rewriter.value(arguments[1])
    if value.kind not in TIMES:
        raise Untranslated(nearest_place(arguments[1]), f"date_trunc of a {value.kind.value} is not covered")
    zoned = value.kind in (Kind.DATE, Kind.TIMESTAMPTZ)
    cut = rewriter.call("date_trunc", text(unit), cast(value.sql, "TIMESTAMPTZ" if zoned else "TIMESTAMP"))
    return Value(cut, TIMESTAMPTZ if zoned else TIMESTAMP)


def _rounded(name: str) -> Build:
    def build(rewriter: "PostgresRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
        value = rewriter.value(arguments[0])
        if value.kind is not Kind.NUMBER:
            raise Untranslated(
                nearest_place(arguments[0]), f"{name} of a {value.kind.value} is not covered: cast to numeric"
            )
        digits = constant_integer(arguments[1], "the number of digits") if len(arguments) > 1 else 0
        given = decimal(value.sql, min(value.type.scale, MAX_SCALE))
        if digits < 0:
            raise Untranslated(arguments[1], "negative digits are not covered")
        if digits >= value.type.scale:
            return Value(decimal(given, min(digits, MAX_SCALE)), Type(Kind.NUMBER, min(digits, MAX_SCALE)))
        if name == "trunc" and digits:
            sql = fill(f"trunc({{x}} * {10**digits}) / {10**digits}", x=given)
            return Value(decimal(sql, digits), Type(Kind.NUMBER, digits))
        from sqlglot import exp

        rest = [exp.Literal.number(digits)] if name == "round" else []
        return Value(decimal(rewriter.call(name, given, *rest), digits), Type(Kind.NUMBER, digits))

    return build


def _same(name: str) -> Build:
    """A result of the type of the argument."""

    def build(rewriter: "PostgresRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
        value = rewriter.value(arguments[0])
        return Value(rewriter.call(name, rewriter.take("n", arguments[0])), value.type)

    return build


def _chosen(name: str) -> Build:
    """One of several values."""

    def build(rewriter: "PostgresRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
        values, kind = rewriter.unify(node, arguments)
        return Value(rewriter.call(name, *values), kind)

    return build


def _nullif(rewriter: "PostgresRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    both = rewriter.alike(node, *arguments)
    return Value(rewriter.call("nullif", *both), rewriter.value(arguments[0]).type)


def _concat(rewriter: "PostgresRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    parts = []
    for part in arguments:
        value = rewriter.value(part)
        if value.kind is Kind.BOOLEAN:
            raise Untranslated(nearest_place(part), "a condition is written otherwise by DuckDB: cast it to text")
        parts.append(rewriter.as_text(value, part))
    return Value(rewriter.call(str(node.this).lower(), *parts), TEXT)


def _aggregate(name: str, returns: Type | None = None) -> Build:
    """An aggregate that DuckDB has as well; without a type it returns that of its argument."""

    def build(rewriter: "PostgresRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
        from sqlglot import exp

        inside = replace(rewriter, over=None, filter=None)
        first = arguments[0]
        if isinstance(first, exp.Star):
            return Value(rewriter.spread(fill("count(*)")), INTEGER)
        distinct = isinstance(first, exp.Distinct)
        given = [*(first.expressions if distinct else [first]), *arguments[1:]]
        order = given[-1] if isinstance(given[-1], exp.Order) else None
        plain = [*given[:-1], order.this] if order is not None else given
        values = [inside.value(part) for part in plain]
        sqls: list[Expr] = [value.sql for value in values]
        if distinct:
            sqls = [exp.Distinct(expressions=[sqls[0]]), *sqls[1:]]
        if order is not None:
            keys = [inside.ordered(part, positions=False) for part in order.expressions]
            sqls[-1] = exp.Order(this=sqls[-1], expressions=keys)
        return Value(rewriter.spread(exp.Anonymous(this=name, expressions=sqls)), returns or values[0].type)

    return build


def _average(rewriter: "PostgresRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    summed, counted = (_aggregate(name)(rewriter, node, arguments) for name in ("sum", "count"))
    if summed.kind is Kind.FLOAT:
        return Value(_aggregate("avg")(rewriter, node, arguments).sql, FLOAT)
    if summed.kind is not Kind.NUMBER:
        raise Untranslated(nearest_place(arguments[0]), f"avg of a {summed.kind.value} is not covered")
    exact = Value(decimal(summed.sql, summed.type.scale), Type(Kind.NUMBER, summed.type.scale))
    return rewriter.divide(exact, Value(counted.sql, Type(Kind.NUMBER, 0)))


def _windowed(name: str, returns: Type | None = None) -> Build:
    def build(rewriter: "PostgresRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
        if rewriter.over is None:
            raise Untranslated(node, f"{name} stands without OVER")
        values = [replace(rewriter, over=None).value(part) for part in arguments]
        sql = rewriter.spread(rewriter.call(name, *[value.sql for value in values]))
        return Value(sql, returns or values[0].type)

    return build


def _moment(rewriter: "PostgresRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    return Value(fill("now()"), TIMESTAMPTZ)


T, N, D, C = "Text", "Numbers", "Dates", "NULL and choice"
A, W, L = "Aggregates", "Window functions", "Arrays and series"

_TABLE = (
    signed(T, "ASCII(text)", "t", INTEGER, "ascii"),
    signed(T, "BTRIM(text [, set])", "t?t", TEXT, "trim", "' '"),
    signed(T, "CHAR_LENGTH(text)", "t", INTEGER, "length"),
    signed(T, "CHR(number)", "i", TEXT, "pg_chr"),
    built(T, "CONCAT(value, ...)", 1, None, _concat, "`concat` of DuckDB"),
    built(T, "CONCAT_WS(separator, value, ...)", 2, None, _concat, "`concat_ws` of DuckDB"),
    signed(T, "INITCAP(text)", "t", TEXT, "pg_initcap"),
    signed(T, "LEFT(text, number)", "ti", TEXT, "left"),
    signed(T, "LENGTH(text)", "t", INTEGER, "length"),
    signed(T, "LOWER(text)", "t", TEXT, "lower"),
    signed(T, "LPAD(text, length [, fill])", "ti?t", TEXT, "pg_lpad", "' '"),
    signed(T, "LTRIM(text [, set])", "t?t", TEXT, "ltrim", "' '"),
    signed(T, "MD5(text)", "t", TEXT, "md5"),
    built(T, "REGEXP_REPLACE(text, pattern, by [, flags])", 3, 4, _regexp_replace, "`regexp_replace` of DuckDB"),
    signed(T, "REPEAT(text, number)", "ti", TEXT, "repeat"),
    signed(T, "REPLACE(text, part, by)", "ttt", TEXT, "replace"),
    signed(T, "REVERSE(text)", "t", TEXT, "reverse"),
    signed(T, "RIGHT(text, number)", "ti", TEXT, "right"),
    signed(T, "RPAD(text, length [, fill])", "ti?t", TEXT, "pg_rpad", "' '"),
    signed(T, "RTRIM(text [, set])", "t?t", TEXT, "rtrim", "' '"),
    signed(T, "SPLIT_PART(text, separator, number)", "tti", TEXT, "pg_part"),
    signed(T, "STARTS_WITH(text, part)", "tt", BOOLEAN, "starts_with"),
    signed(T, "STRPOS(text, part)", "tt", INTEGER, "strpos"),
    built(T, "SUBSTR(text, position [, length])", 2, 3, lambda r, n, a: _substr(r, a), "macro"),
    built(T, "TO_CHAR(date, format)", 2, 2, _to_char, "rewritten, by its format"),
    signed(T, "TRANSLATE(text, from, to)", "ttt", TEXT, "translate"),
    signed(T, "UPPER(text)", "t", TEXT, "upper"),
    built(N, "ABS(number)", 1, 1, _same("abs"), "`abs` of DuckDB"),
    built(N, "CEIL(number)", 1, 1, _rounded("ceil"), "`ceil` of DuckDB"),
    built(N, "CEILING(number)", 1, 1, _rounded("ceil"), "`ceil` of DuckDB"),
    built(N, "FLOOR(number)", 1, 1, _rounded("floor"), "`floor` of DuckDB"),
    built(N, "MOD(integer, integer)", 2, 2, lambda r, n, a: _mod(r, n, a), "macro"),
    built(N, "ROUND(numeric [, digits])", 1, 2, _rounded("round"), "`round` of DuckDB"),
    built(N, "SIGN(number)", 1, 1, _same("sign"), "`sign` of DuckDB"),
    built(N, "TRUNC(numeric [, digits])", 1, 2, _rounded("trunc"), "rewritten"),
    built(D, "DATE_TRUNC(unit, date)", 2, 2, _date_trunc, "`date_trunc` of DuckDB"),
    signed(D, "MAKE_DATE(year, month, day)", "iii", DATE, "make_date"),
    built(D, "NOW()", 0, 0, _moment, "the instant of the run"),
    built(D, "TO_DATE(text, format)", 2, 2, _read_moment(DATE), "rewritten, by its format"),
    built(D, "TO_TIMESTAMP(text, format)", 2, 2, _read_moment(TIMESTAMPTZ), "rewritten, by its format"),
    built(C, "COALESCE(value, ...)", 1, None, _chosen("coalesce"), "`coalesce` of DuckDB"),
    built(C, "GREATEST(value, ...)", 1, None, _chosen("greatest"), "`greatest` of DuckDB"),
    built(C, "LEAST(value, ...)", 1, None, _chosen("least"), "`least` of DuckDB"),
    built(C, "NULLIF(value, value)", 2, 2, _nullif, "`nullif` of DuckDB"),
    built(A, "ARRAY_AGG(value [ORDER BY ...])", 1, 1, _aggregate("array_agg", OTHER), "`array_agg` of DuckDB"),
    built(A, "AVG(number)", 1, 1, _average, "exact: sum by count"),
    built(A, "BOOL_AND(condition)", 1, 1, _aggregate("bool_and", BOOLEAN), "`bool_and` of DuckDB"),
    built(A, "BOOL_OR(condition)", 1, 1, _aggregate("bool_or", BOOLEAN), "`bool_or` of DuckDB"),
    built(A, "COUNT(* | value)", 1, 1, _aggregate("count", INTEGER), "`count` of DuckDB"),
    built(A, "MAX(value)", 1, 1, _aggregate("max"), "`max` of DuckDB"),
    built(A, "MIN(value)", 1, 1, _aggregate("min"), "`min` of DuckDB"),
    built(
        A, "STRING_AGG(text, separator [ORDER BY ...])", 1, 2, _aggregate("string_agg", TEXT), "`string_agg` of DuckDB"
    ),
    built(A, "SUM(number)", 1, 1, _aggregate("sum"), "`sum` of DuckDB"),
    built(W, "DENSE_RANK() OVER", 0, 0, _windowed("dense_rank", INTEGER), "`dense_rank` of DuckDB"),
    built(W, "FIRST_VALUE(value) OVER", 1, 1, _windowed("first_value"), "`first_value` of DuckDB"),
    built(W, "LAG(value [, distance [, default]]) OVER", 1, 3, _windowed("lag"), "`lag` of DuckDB"),
    built(W, "LAST_VALUE(value) OVER", 1, 1, _windowed("last_value"), "`last_value` of DuckDB"),
    built(W, "LEAD(value [, distance [, default]]) OVER", 1, 3, _windowed("lead"), "`lead` of DuckDB"),
    built(W, "NTILE(number) OVER", 1, 1, _windowed("ntile", INTEGER), "`ntile` of DuckDB"),
    built(W, "RANK() OVER", 0, 0, _windowed("rank", INTEGER), "`rank` of DuckDB"),
    built(W, "ROW_NUMBER() OVER", 0, 0, _windowed("row_number", INTEGER), "`row_number` of DuckDB"),
    signed(L, "ARRAY_LENGTH(array, dimension)", "ai", INTEGER, "pg_array_length"),
    signed(L, "ARRAY_TO_STRING(array, separator)", "at", TEXT, "array_to_string"),
    signed(L, "CARDINALITY(array)", "a", INTEGER, "len"),
    signed(L, "STRING_TO_ARRAY(text, separator)", "tt", OTHER, "pg_split"),
)


def _substr(rewriter: "PostgresRewriter", arguments: "list[Expr]") -> Value:
    given = [rewriter.take(letter, part) for letter, part in zip("tii", arguments, strict=False)]
    return Value(rewriter.call("pg_substr" if len(given) > 2 else "pg_substr_from", *given), TEXT)


def _mod(rewriter: "PostgresRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    values = [rewriter.value(part) for part in arguments]
    if not all(value.type.whole for value in values):
        raise Untranslated(node, "mod is covered between integers")
    return Value(rewriter.call("pg_int_mod", *[value.sql for value in values]), INTEGER)


FUNCTIONS: Mapping[str, Function] = {function.name: function for function in _TABLE}

GRAMMAR = (
    ("CAST(value AS type), value::type", "of texts, integers, numeric, dates, timestamps and conditions"),
    ("EXTRACT(part FROM value)", "year to second, quarter, week, dow, isodow, doy, isoyear, epoch"),
    ("GENERATE_SERIES(from, to [, step]) in FROM", "a subquery"),
    ("POSITION(part IN text)", "`strpos` of DuckDB"),
    ("SUBSTRING(text FROM n [FOR m])", "macro"),
    ("TRIM([LEADING | TRAILING | BOTH] [set FROM] text)", "`trim` of DuckDB"),
    ("aggregate FILTER (WHERE ...)", "as it is"),
    ("DISTINCT ON (...)", "as it is"),
    ("~, ~*, LIKE, ILIKE", "`regexp_matches`; a backslash escapes in LIKE"),
    ("now(), CURRENT_TIMESTAMP, CURRENT_DATE, LOCALTIMESTAMP", "the instant of the run, in UTC"),
)
