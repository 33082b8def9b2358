"""SQL that a user wrote, in DuckDB's dialect. What would mean something else there is a diagnostic, never a guess."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.compiler.rules.sql import (
    STAGING,
    STANDARD,
    WrittenSql,
    hold_places,
    source_dialect,
    sql_problem,
    written_sql,
)
from dmsflow.diagnostics import Diagnostic
from dmsflow.model.reference import find_references
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import DataType
from dmsflow.rehearsal.dialects import reading
from dmsflow.rehearsal.dialects.calls import Untranslated
from dmsflow.rehearsal.dialects.kinds import Type, type_of

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

Types = Mapping[str, DataType]
"""The types of columns by their names in lower case."""

INTEGER_DIVISION = ("postgres", "sqlite", "redshift", "tsql", "trino", "teradata")
"""Dialects in which an integer divided by an integer is one."""

UNLIKE = ("typeof", "version", "current_database", "current_schema", "current_user", "hash", "uuid", "gen_random_uuid")
"""Functions that DuckDB has as well, and that return something of its own."""

SPELLED = ("cast", "try_cast", "extract", "coalesce", "ifnull", "exists", "any", "all", "some", "position", "case")
"""What looks like a call and is grammar."""

CALL = re.compile(r"([A-Za-z_]\w*)\(")
HELP = "write it as {} and DuckDB both have it, or move it into a view of the source"

HIDDEN = (
    "the url of the connection hides its database, so that this is read as standard SQL: begin the url with the "
    "database, such as postgresql://, and keep the rest a reference"
)


class Translator(Struct, frozen=True, kw_only=True):
    """Translates the texts of one spec. ``tables`` are the columns of what is read; the source itself has no name."""

    tables: Mapping[str, Types]
    functions: Collection[str]
    params: Types = {}

    def translate(self, sql: WrittenSql) -> str | Diagnostic:
        """The text in DuckDB's dialect, its parameters as they were; or what cannot be said there."""
        import sqlglot

        dialect = sql.dialect or STANDARD
        written = sql.prefix + hold_places(sql.text)
        help = HELP.format(dialect) if sql.dialect is not None else HIDDEN
        try:
            if reading.covers(dialect):
                return _restore(sql, self._rewrite(sql, reading.parse(written, dialect), dialect))
            tree = sqlglot.parse_one(written, read=dialect, error_level=sqlglot.ErrorLevel.RAISE)
            for rewrite in self._rewrites(dialect):
                rewrite(tree)
            self._check_functions(tree, dialect)
            return _restore(sql, _generate(_inner(sql, tree)))
        except sqlglot.ParseError:
            return sql_problem(sql, "DMS330", f"{sql.what} cannot be read as {dialect or 'standard SQL'}", help, None)
        except Untranslated as error:
            return sql_problem(sql, "DMS330", error.message, help, _stretch(sql, error.node))

    def _rewrite(self, sql: WrittenSql, tree: "Expr", dialect: str) -> str:
        """The text of a dialect that is walked node by node."""
        tables = {
            name: {column: type_of(kind) for column, kind in types.items()} for name, types in self.tables.items()
        }
        rewriter = reading.rewriter(dialect, tables, _kinds(self.params))
        if not sql.prefix:
            return _generate(rewriter.query(tree)[0], identify=True)
        inside = rewriter.entered({"": tables.get("")})
        return _generate(inside.value(_inner(sql, tree)).sql, identify=True)

    def _rewrites(self, dialect: str) -> Iterator["Callable[[Expr], None]"]:
        if dialect in INTEGER_DIVISION:
            yield self._divide_integers

    def _divide_integers(self, tree: "Expr") -> None:
        from sqlglot import exp

        for node in reversed(list(tree.find_all(exp.Div))):
            sides = [self._is_integer(node.this), self._is_integer(node.expression)]
            if all(sides):
                node.replace(exp.IntDiv(this=node.this.copy(), expression=node.expression.copy()))
            elif None in sides and False not in sides:
                raise Untranslated(
                    _first_placed(node) or node, "whether this divides integers cannot be told: cast one side of it"
                )

    def _is_integer(self, node: "Expr") -> bool | None:
        """Whether a value is an integer; None where that cannot be told."""
        from sqlglot import exp

        match node:
            case exp.Literal():
                return node.is_int
            case exp.Column():
                found = self._find_type(node)
                return None if found is None else found.family == "integer"
            case exp.Paren() | exp.Neg():
                return self._is_integer(node.this)
            case exp.Cast():
                return node.to.is_type(*exp.DataType.INTEGER_TYPES)
            case exp.Count() | exp.Length():
                return True
            case exp.Add() | exp.Sub() | exp.Mul() | exp.Mod() | exp.IntDiv():
                sides = [self._is_integer(node.this), self._is_integer(node.expression)]
                return False if False in sides else None if None in sides else True
        return None

    def _find_type(self, column: "Expr") -> DataType | None:
        """The type of a column, by its table or by the only table that has it."""
        from sqlglot import exp

        name = column.name.lower()
        select = column.find_ancestor(exp.Select)
        sources = list(select.find_all(exp.Table)) if select else []
        named = {source.alias_or_name.lower(): source.name.lower() for source in sources}
        qualifier = str(column.args["table"].name).lower() if column.args.get("table") else ""
        searched = [named.get(qualifier, qualifier)] if qualifier else list(named.values()) or [""]
        found = [self.tables[table][name] for table in searched if name in self.tables.get(table, {})]
        return found[0] if len(found) == 1 else None

    def _check_functions(self, tree: "Expr", dialect: str) -> None:
        from sqlglot import exp

        for node in tree.find_all(exp.Func):
            if isinstance(node, exp.Rand):
                raise Untranslated(node, "a random value is another one at every run")
            called = CALL.match(_generate(node))
            if called and called[1].lower() in UNLIKE:
                raise Untranslated(node, f"{called[1].upper()} returns something else in DuckDB")
            if isinstance(node, exp.Anonymous):
                name = str(node.this)
                if name.lower() not in self.functions:
                    raise Untranslated(node, f"there is no translation of {name.upper()} to DuckDB")
                continue
            if called and called[1].lower() not in self.functions and called[1].lower() not in SPELLED:
                raise Untranslated(node, f"there is no translation of {called[1].upper()} to DuckDB")


def translate_spec(
    spec: PipelineSpec, tables: Mapping[str, Types], functions: Callable[[], Collection[str]]
) -> tuple[PipelineSpec, tuple[Diagnostic, ...]]:
    """The spec with the source's SQL in DuckDB's dialect, and what of it cannot be said there."""
    dialect = source_dialect(spec)
    written = [sql for sql in written_sql(spec, dialect) if sql.dialect != STAGING]
    if not written:
        return spec, ()
    params = {param.name: param.type for param in spec.params}
    of_source = Translator(tables=tables, functions=functions(), params=params)
    of_target = Translator(tables={}, functions=functions(), params=params)
    found = [(sql, (of_target if sql.path[0] in ("checks", "scd") else of_source).translate(sql)) for sql in written]
    problems = tuple(text for _, text in found if isinstance(text, Diagnostic))
    texts = {sql.path: text for sql, text in found if isinstance(text, str)}
    source = replace(
        spec.source,
        query=texts.get(("source", "query"), spec.source.query),
        where=texts.get(("source", "where"), spec.source.where),
    )
    columns = tuple(
        replace(column, expr=texts.get(("columns", column.name, "expr"), column.expr)) for column in spec.columns
    )
    checks = tuple(
        replace(
            check,
            expr=texts.get(("checks", i, "expr"), check.expr),
            where=texts.get(("checks", i, "where"), check.where),
        )
        for i, check in enumerate(spec.checks)
    )
    within = replace(spec.scd.within, where=texts.get(("scd", "deletes", "scope", "where"), spec.scd.within.where))
    scd = replace(spec.scd, within=within)
    return replace(spec, source=source, columns=columns, checks=checks, scd=scd), problems


def _generate(node: "Expr", *, identify: bool = False) -> str:
    """The node as DuckDB writes it. Raises Untranslated at the innermost part that it has no words for."""
    import sqlglot
    from sqlglot import exp

    def write(part: "Expr") -> str:
        return part.sql(dialect=STAGING, identify=identify, unsupported_level=sqlglot.ErrorLevel.RAISE)

    try:
        return write(node)
    except sqlglot.UnsupportedError as error:
        for part in reversed(list(node.find_all(exp.Expression))):
            try:
                write(part)
            except sqlglot.UnsupportedError as cause:
                raise Untranslated(part, f"DuckDB has no words for this: {_first_line(cause)}") from error
        raise


def _kinds(types: Types) -> dict[str, Type]:
    return {name.lower(): type_of(kind) for name, kind in types.items()}


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")


def _inner(sql: WrittenSql, tree: "Expr") -> "Expr":
    """What the user wrote of a tree that was made a statement to be read."""
    if not sql.prefix:
        return tree
    inner: Expr = tree.args["where"].this if tree.args.get("where") else tree.expressions[0]
    return inner


def _restore(sql: WrittenSql, text: str) -> str:
    """The parameters as the spec writes them."""
    names = {reference.name for reference in find_references(sql.text)}
    return re.sub(r"\$(\w+)", lambda found: f"${{param:{found[1]}}}" if found[1] in names else found[0], text)


def _first_placed(node: "Expr") -> "Expr | None":
    return next((part for part in node.walk() if "start" in part.meta), None)


def _stretch(sql: WrittenSql, node: "Expr") -> tuple[int, int] | None:
    """Where a node stands in the user's text; None where nothing of it has a place."""
    placed = _first_placed(node)
    if placed is None:
        return None
    start, end = placed.meta["start"] - len(sql.prefix), placed.meta["end"] + 1 - len(sql.prefix)
    return (start, end) if 0 <= start < end else None
