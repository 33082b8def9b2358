"""Oracle's SQL in DuckDB: its literals, its grammar, its pseudo-columns. Refuses what it does not know."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from dmsflow.rehearsal.dialects.calls import Function, Untranslated
from dmsflow.rehearsal.dialects.kinds import (
    BOOLEAN,
    CHAR,
    DATE,
    INTEGER,
    MAX_SCALE,
    MOMENTS,
    NULL,
    NUMBERS,
    TEXT,
    TEXTS,
    TIMESTAMP,
    TIMESTAMPTZ,
    Columns,
    Kind,
    Type,
    Value,
)
from dmsflow.rehearsal.dialects.oracle_coercion import NLS
from dmsflow.rehearsal.dialects.oracle_functions import FUNCTIONS
from dmsflow.rehearsal.dialects.oracle_literals import interval_literal, moment_literal
from dmsflow.rehearsal.dialects.oracle_operators import OracleOperators
from dmsflow.rehearsal.dialects.oracle_queries import LEVELS, prepare
from dmsflow.rehearsal.dialects.oracle_sets import keep, list_texts, within_group
from dmsflow.rehearsal.dialects.rewriter import CLAUSES, Rewriter
from dmsflow.rehearsal.dialects.scope import nearest_place
from dmsflow.rehearsal.dialects.templates import cast, decimal, fill, number, text

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

PSEUDO_COLUMNS = ("ROWNUM", "LEVEL", "ROWID", "ORA_ROWSCN", "USER", "UID", "CONNECT_BY_ISLEAF", "CONNECT_BY_ISCYCLE")
EXTRACTED = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")
INTERVAL_PARTS = {"DAY": (86_400_000_000, 10**9), "HOUR": (3_600_000_000, 24), "MINUTE": (60_000_000, 60)}


@dataclass(frozen=True, kw_only=True)
class OracleRewriter(OracleOperators):
    """Oracle's dialect."""

    functions: ClassVar[Mapping[str, Function]] = FUNCTIONS
    title: ClassVar[str] = "Oracle"
    clauses: ClassVar[frozenset[str]] = frozenset({*CLAUSES, "qualify"})

    def prepare(self, select: "Expr") -> "Expr":
        """The SELECT without (+), ROWNUM, CONNECT BY LEVEL and PIVOT."""
        return prepare(self, select)

    def source(self, node: "Expr") -> "tuple[Expr, str, Columns | None]":
        """A table, where DUAL is a row by itself, or a series of levels."""
        from sqlglot import exp

        is_dual = (
            isinstance(node, exp.Table) and node.name.upper() == "DUAL" and node.name.lower() not in self.scope.ctes
        )
        if not is_dual:
            return Rewriter.source(self, node)
        name = node.alias_or_name
        alias = exp.TableAlias(this=exp.to_identifier(name))
        if (count := node.meta.get(LEVELS)) is None:
            return (
                exp.Subquery(this=fill("SELECT 'X' AS dummy"), alias=alias),
                node.alias_or_name.lower(),
                {"dummy": TEXT},
            )
        series = fill(
            "SELECT 'X' AS dummy, unnest(generate_series(1, greatest(CAST(floor({n}) AS BIGINT), 1))) AS level",
            n=self.take("n", count),
        )
        return exp.Subquery(this=series, alias=alias), name.lower(), {"dummy": TEXT, "level": INTEGER}

    def visit_like(self, node: "Expr") -> Value:
        """LIKE, with its escape character."""
        return self._like(node)

    visit_escape = visit_like

    def visit_neg(self, node: "Expr") -> Value:
        """A number with the other sign."""
        from sqlglot import exp

        inner = self.numeric(self.value(node.this), node.this)
        return Value(exp.Neg(this=inner.sql), Type(inner.kind, inner.type.scale))

    def visit_dpipe(self, node: "Expr") -> Value:
        """Texts joined; NULL is an empty one."""
        parts = [self.take("t", part) for part in (node.this, node.expression)]
        return Value(self.call("ora_concat", *parts), TEXT)

    def visit_is(self, node: "Expr") -> Value:
        """IS NULL."""
        from sqlglot import exp

        if not isinstance(node.expression, exp.Null):
            return self.refuse(node)
        return Value(exp.Is(this=self.value(node.this).sql, expression=exp.Null()), BOOLEAN)

    def visit_interval(self, node: "Expr") -> Value:
        """A literal of a distance in time."""
        return interval_literal(node)

    def visit_datestrtodate(self, node: "Expr") -> Value:
        """A literal of a date or a timestamp."""
        return moment_literal(node)

    visit_strtotime = visit_datestrtodate

    def visit_groupconcat(self, node: "Expr") -> Value:
        """LISTAGG."""
        return list_texts(self, node)

    def visit_withingroup(self, node: "Expr") -> Value:
        """An aggregate of sorted values."""
        return within_group(self, node)

    def visit_rand(self, node: "Expr") -> Value:
        """DBMS_RANDOM."""
        raise Untranslated(nearest_place(node), "a random value is another one at every run")

    def visit_literal(self, node: "Expr") -> Value:
        """A number or a text; an empty one is NULL."""
        from sqlglot import exp

        if isinstance(node, exp.Literal) and not node.is_string:
            if re.fullmatch(r"\d+", node.this):
                return Value(node.copy(), Type(Kind.NUMBER, 0, True))
            if found := re.fullmatch(r"\d*\.(\d*)", node.this):
                return Value(node.copy(), Type(Kind.NUMBER, len(found[1])))
            return Value(decimal(node.copy(), MAX_SCALE), Type(Kind.NUMBER, MAX_SCALE))
        if not node.this:
            return Value(exp.Null(), NULL)
        return Value(text(str(node.this)), CHAR)

    visit_rawstring = visit_national = visit_literal

    def _nulls(self, node: "Expr") -> Value:
        """IGNORE NULLS behind the call rather than in it."""
        inner = node.this.copy()
        inner.set("expressions", [type(node)(this=inner.expressions[0]), *inner.expressions[1:]])
        inner.meta.update(node.this.meta)
        return self.function(inner, str(inner.this), list(inner.expressions))

    def visit_dot(self, node: "Expr") -> Value:
        """A function of a package."""
        name = re.sub(r"\(.*", "", node.sql(dialect="oracle"), flags=re.DOTALL)
        raise Untranslated(node, f"there is no translation of {name.upper()} to DuckDB")

    def visit_column(self, node: "Expr") -> Value:
        """A column; a name that no table has may be Oracle's own."""
        from sqlglot import exp

        if node.args.get("join_mark"):
            raise Untranslated(node, "(+) is covered between columns of two tables that are told by their names")
        qualifier = node.args["table"].name.lower() if node.args.get("table") else ""
        found = self.scope.find(node.name.lower(), qualifier)
        if found is None and node.name.upper() in PSEUDO_COLUMNS and not node.this.args.get("quoted"):
            raise Untranslated(node, f"DuckDB has no {node.name.upper()}, and here it is not covered")
        if isinstance(node, exp.Pseudocolumn):
            node = exp.column(node.this.copy(), table=node.args.get("table"))
        return Rewriter.visit_column(self, node)

    def visit_currenttimestamp(self, node: "Expr") -> Value:
        """The instant of the run."""
        from sqlglot import exp

        if node.this is not None and not isinstance(node.this, bool):
            raise Untranslated(nearest_place(node), "a clock with a precision is not covered")
        if isinstance(node, exp.CurrentDate) or node.args.get("sysdate"):
            return Value(fill("date_trunc('second', CAST(now() AS TIMESTAMP))"), DATE)
        if isinstance(node, exp.Localtimestamp):
            return Value(fill("CAST(now() AS TIMESTAMP)"), TIMESTAMP)
        return Value(fill("now()"), TIMESTAMPTZ)

    visit_currentdate = visit_systimestamp = visit_localtimestamp = visit_currenttimestamp

    def group_key(self, part: "Expr") -> "Expr":
        """A number in GROUP BY is a constant in Oracle, and a position in DuckDB."""
        from sqlglot import exp

        if isinstance(part, exp.Literal):
            raise Untranslated(part, "a constant in GROUP BY is no position in Oracle")
        return self.value(part).sql

    def _like(self, node: "Expr") -> Value:
        from sqlglot import exp

        like = node.this if isinstance(node, exp.Escape) else node
        if not isinstance(like, exp.Like):
            raise Untranslated(node, "there is no translation of this LIKE to DuckDB")
        made: Expr = exp.Like(this=self.take("t", like.this), expression=self.take("t", like.expression))
        if isinstance(node, exp.Escape):
            made = exp.Escape(this=made, expression=self.take("t", node.expression))
        return Value(exp.Not(this=exp.Paren(this=made)) if like.args.get("negate") else made, BOOLEAN)

    def visit_cast(self, node: "Expr") -> Value:
        """CAST."""
        from sqlglot import exp

        if any(node.args.get(name) for name in ("format", "default", "action", "safe")):
            raise Untranslated(node, "CAST with a format or a default is not covered")
        to, value = node.args["to"], self.value(node.this)
        sizes = [int(part.name) for part in to.expressions if part.name.isdigit()]
        kind = to.this
        types = exp.DataType.Type
        if kind in (types.CHAR, types.NCHAR):
            width = number(sizes[0] if sizes else 1)
            return Value(self.call("ora_rpad", self.as_text(value, node.this), width, text(" ")), CHAR)
        if kind in (types.VARCHAR, types.NVARCHAR) and sizes:
            return Value(fill("left({t}, {n})", t=self.as_text(value, node.this), n=number(sizes[0])), TEXT)
        if kind in (types.DECIMAL, types.INT, types.SMALLINT):
            return self._cast_number(node, value, kind is types.DECIMAL, sizes)
        if kind in (types.FLOAT, types.DOUBLE) and value.kind in (*NUMBERS, Kind.NULL):
            raise Untranslated(node, "CAST to a binary number is not covered: write CAST(... AS NUMBER)")
        if kind is types.DATE and value.kind in (*MOMENTS, Kind.NULL):
            return Value(self.call("ora_second_of", self.as_date(value, node.this)), DATE)
        if kind is types.TIMESTAMP and not sizes and value.kind in (*MOMENTS, Kind.NULL):
            return Value(self.as_date(value, node.this), TIMESTAMP)
        if kind is types.TIMESTAMP and value.kind is Kind.TIMESTAMPTZ:
            return Value(cast(value.sql, "TIMESTAMP"), TIMESTAMP)
        if kind in (types.DATE, types.TIMESTAMP) and value.kind in TEXTS:
            raise Untranslated(node.this, f"a text is cast to a date, and {NLS}")
        raise Untranslated(node, f"CAST to {to.sql(dialect='oracle')} is not covered")

    def _cast_number(self, node: "Expr", value: Value, is_number: bool, sizes: list[int]) -> Value:

        given = self.numeric(value, node.this)
        if is_number and not sizes:
            if given.kind is Kind.FLOAT:
                return Value(self.call("exact_decimal", given.sql), Type(Kind.NUMBER, MAX_SCALE))
            return given
        width, scale = ([*sizes, 0])[:2] if sizes else (38, 0)
        if scale > width:
            raise Untranslated(node, "CAST to a NUMBER of more decimals than digits is not covered")
        exact = self.call("exact_decimal", given.sql) if given.kind is Kind.FLOAT else self.fixed(given)
        rounded = self.call("round", exact, number(scale))
        return Value(cast(rounded, f"DECIMAL({width}, {scale})"), Type(Kind.NUMBER, scale))

    def visit_extract(self, node: "Expr") -> Value:
        """EXTRACT."""
        part, value = node.name.upper(), self.value(node.expression)
        if part not in EXTRACTED:
            raise Untranslated(node.expression, f"EXTRACT of {part} is not covered")
        if value.kind is Kind.DAYS and part in INTERVAL_PARTS:
            size, top = INTERVAL_PARTS[part]
            return Value(self.call("ora_interval_part", value.sql, number(size), number(top)), INTEGER)
        if value.kind is Kind.DAYS and part == "SECOND":
            return Value(self.call("ora_interval_second", value.sql), Type(Kind.NUMBER, 6))
        if value.kind is Kind.MONTHS and part in ("YEAR", "MONTH"):
            return Value(fill(f"datepart('{part.lower()}', {{i}})", i=value.sql), INTEGER)
        if value.kind is Kind.DATE and part in ("HOUR", "MINUTE", "SECOND"):
            raise Untranslated(node.expression, f"Oracle extracts no {part} from a DATE: write CAST(... AS TIMESTAMP)")
        moment = self.as_date(value, node.expression)
        if part == "SECOND":
            return Value(self.call("ora_second_part", moment), Type(Kind.NUMBER, 6))
        return Value(self.call(part.lower(), moment), INTEGER)

    def visit_trim(self, node: "Expr") -> Value:
        """TRIM."""
        side, chars = str(node.args.get("position") or "BOTH").upper(), node.args.get("expression")
        given = self.take("t", chars) if chars is not None else text(" ")
        macro = {"LEADING": "ora_trim_left", "TRAILING": "ora_trim_right"}.get(side, "ora_trim")
        return Value(self.call(macro, self.take("t", node.this), given), TEXT)

    def visit_window(self, node: "Expr") -> Value:
        """A function over a window, or one that keeps the first or the last rows."""
        from sqlglot import exp

        inner = node.this
        if node.args.get("over") == "KEEP":
            return keep(self, node)
        if isinstance(inner, exp.Window) and inner.args.get("over") == "KEEP":
            return keep(replace(self, over=self.over_of(node)), inner)
        return Rewriter.visit_window(self, node)

    def over_window(self, node: "Expr") -> Value:
        """LISTAGG and PERCENTILE over a window, and IGNORE NULLS behind a call."""
        from sqlglot import exp

        if isinstance(node, exp.GroupConcat):
            return list_texts(self, node)
        if isinstance(node, exp.WithinGroup):
            return within_group(self, node)
        if isinstance(node, exp.IgnoreNulls | exp.RespectNulls) and isinstance(node.this, exp.Anonymous):
            return self._nulls(node)
        return self.refuse(node)
