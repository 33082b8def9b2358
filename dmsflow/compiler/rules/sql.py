"""Rules about the SQL a user wrote: one SELECT, one expression. Reads it with sqlglot, which is loaded only then."""

import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from dmsflow.compiler.rules.connections import database_of
from dmsflow.compiler.rules.spot import spot
from dmsflow.compiler.rules.sql_text import comment_at_end
from dmsflow.diagnostics import Diagnostic, Path, Severity
from dmsflow.model.checks import Check, CheckKind, CheckOn
from dmsflow.model.reference import find_references
from dmsflow.model.spec import PipelineSpec

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

DIALECTS = {
    "oracle": "oracle",
    "postgresql": "postgres",
    "cockroachdb": "postgres",
    "duckdb": "duckdb",
    "sqlite": "sqlite",
    "mysql": "mysql",
    "mariadb": "mysql",
    "mssql": "tsql",
    "snowflake": "snowflake",
    "bigquery": "bigquery",
    "redshift": "redshift",
    "trino": "trino",
    "clickhouse": "clickhouse",
    "databricks": "databricks",
    "teradatasql": "teradata",
    "exa": "exasol",
}
STAGING = "duckdb"
STANDARD = ""
"""The dialect of a database that sqlglot has no words for."""

# What sqlglot itself trips over in text that is far from SQL, such as "a { :" (found by fuzzing, version 30).
_PARSER_SLIPS = (AttributeError, TypeError, ValueError, LookupError, AssertionError)
MAX_CHARACTERS = 100_000
_PREDICATE = "SELECT 1 WHERE "
_VALUE = "SELECT "


class WrittenSql(Struct, frozen=True, kw_only=True):
    """One SQL text: where it stands, what precedes it to make a statement, and how it is read."""

    path: Path
    text: str
    what: str
    prefix: str = ""
    dialect: str | None
    of_set: bool = False


def sql_is_read(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """The source's query is one SELECT; where, expr and checks are one expression each."""
    for sql in written_sql(spec, source_dialect(spec)):
        yield from _judge(sql)


def sql_is_read_by(spec: PipelineSpec, engine: str) -> Iterator[Diagnostic]:
    """The source's SQL once more, in the dialect of an open connection whose url had hidden its database."""
    if source_dialect(spec) is None:
        for sql in written_sql(spec, DIALECTS.get(engine, STANDARD)):
            yield from _judge(sql)


def check_names_differ(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A reject carries the name of its check."""
    seen: set[str] = set()
    for index, check in enumerate(spec.checks):
        if check.name.lower() in seen:
            message = f'check "{check.name}" is given twice'
            yield Diagnostic(
                code="DMS264", message=message, path=("checks", index, "name"), help="rename one of the two"
            )
        seen.add(check.name.lower())


def written_sql(spec: PipelineSpec, read_by: str | None) -> Iterator[WrittenSql]:
    """Every SQL text of a spec; those of the source are ``read_by`` a dialect."""
    source = spec.source
    if source.query is not None:
        yield WrittenSql(path=("source", "query"), text=source.query, what="query", dialect=read_by)
    if source.where is not None:
        yield WrittenSql(path=("source", "where"), text=source.where, what="where", prefix=_PREDICATE, dialect=read_by)
    for column in spec.columns:
        if column.expr is not None:
            path: Path = ("columns", column.name, "expr")
            yield WrittenSql(path=path, text=column.expr, what="expr", prefix=_VALUE, dialect=read_by)
    if spec.scd.within.where:
        path = ("scd", "deletes", "scope", "where")
        text, dialect = spec.scd.within.where, target_dialect(spec)
        yield WrittenSql(path=path, text=text, what="where", prefix=_PREDICATE, dialect=dialect)
    for index, check in enumerate(spec.checks):
        yield from _sql_of_check(check, ("checks", index), target_dialect(spec))


def _sql_of_check(check: Check, path: Path, read_by: str | None) -> Iterator[WrittenSql]:
    """What a check says in SQL: of each row in DuckDB's words, which stages it; of a set in those of the target."""
    of_rows = check.on is CheckOn.ROW
    if CheckKind.EXPR in check.kinds:
        dialect, prefix = (STAGING, _PREDICATE) if of_rows else (read_by, _VALUE)
        yield WrittenSql(
            path=(*path, "expr"), text=check.expr, what="expr", prefix=prefix, dialect=dialect, of_set=not of_rows
        )
    if check.where:
        yield WrittenSql(path=(*path, "where"), text=check.where, what="where", prefix=_PREDICATE, dialect=read_by)
    if check.references and check.references.where:
        inner = (*path, "references", "where")
        yield WrittenSql(path=inner, text=check.references.where, what="where", prefix=_PREDICATE, dialect=read_by)


def target_dialect(spec: PipelineSpec) -> str | None:
    """The sqlglot dialect of the target; None where its url hides the database."""
    for connection in spec.connections:
        if connection.name == spec.target.connection:
            return DIALECTS.get(database_of(connection) or "")
    return None


def source_dialect(spec: PipelineSpec) -> str | None:
    """The sqlglot dialect that reads the source; None, the generic one, when the url hides the database."""
    if spec.source.file is not None:
        return STAGING
    for connection in spec.connections:
        if connection.name == spec.source.connection:
            return DIALECTS.get(database_of(connection) or "")
    return None


def _judge(sql: WrittenSql) -> Iterator[Diagnostic]:
    if sql.path[0] != "source" and find_references(sql.text):
        return
    if not sql.text.strip():
        yield sql_problem(sql, "DMS260", f"{sql.what} is empty", "write SQL, or remove the key", None)
        return
    if len(sql.text) > MAX_CHARACTERS:
        help = "move it into a view"
        yield sql_problem(sql, "DMS260", f"{sql.what} is longer than {MAX_CHARACTERS} characters", help, None)
        return
    if sql.text.rstrip().endswith(";"):
        at = len(sql.text.rstrip())
        yield sql_problem(sql, "DMS261", f'{sql.what} ends with ";"', 'remove the ";"', (at - 1, at))
        return
    if comment := comment_at_end(sql.text.rstrip()):
        help = "write it as /* comment */, or above"
        yield sql_problem(sql, "DMS263", f"{sql.what} ends in a line comment", help, comment)
    trees = _parse(sql)
    if isinstance(trees, Diagnostic):
        yield trees
    elif sql.prefix:
        yield from _judge_expression(sql, trees)
    else:
        yield from _judge_query(sql, trees)


def _parse(sql: WrittenSql) -> "list[Expr] | Diagnostic":
    import sqlglot
    from sqlglot.errors import ErrorLevel, ParseError, SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        found = sqlglot.parse(sql.prefix + hold_places(sql.text), dialect=sql.dialect, error_level=ErrorLevel.RAISE)
        return [tree for tree in found if tree is not None]
    except ParseError as error:
        return _describe_error(sql, error.errors[0] if error.errors else {})
    except RecursionError:
        return _unread(sql, f"{sql.what} is nested too deeply", None)
    except SqlglotError:
        return _unread(sql, f"{sql.what} has a text or a name that is not closed", None)
    except _PARSER_SLIPS:
        return _unread(sql, f"{sql.what} is not SQL that can be read", None)


def hold_places(text: str) -> str:
    """The text with a placeholder in the place, and of the length, of every parameter."""
    for reference in find_references(text):
        name = reference.name if reference.name.isidentifier() else "p"
        width = reference.end - reference.start
        text = text[: reference.start] + f":{name}"[:width].ljust(width) + text[reference.end :]
    return text


def _describe_error(sql: WrittenSql, error: dict[str, object]) -> Diagnostic:
    word, line, column = error.get("highlight"), error.get("line"), error.get("col")
    if not isinstance(word, str) or not isinstance(line, int) or not isinstance(column, int):
        return _unread(sql, f"{sql.what} is not SQL that can be read", None)
    lines = (sql.prefix + sql.text).split("\n")
    end = sum(len(before) + 1 for before in lines[: line - 1]) + column - len(sql.prefix)
    start = end - len(word)
    if start < 0:
        return _unread(sql, f"{sql.what} is not an expression", None)
    at_end = not sql.text[end:].strip() and "Required" in str(error.get("description"))
    message = f'{sql.what} ends after "{word}"' if at_end else f'{sql.what} cannot be read at "{word}"'
    return _unread(sql, message, (start, end))


def _unread(sql: WrittenSql, message: str, at: tuple[int, int] | None) -> Diagnostic:
    if sql.dialect is None:
        help = "check the SQL; its database is known only when the connection is opened"
        return sql_problem(sql, "DMS260", message, help, at, Severity.WARNING)
    return sql_problem(sql, "DMS260", message, f"correct the SQL; it is read as {sql.dialect or 'standard SQL'}", at)


def _judge_query(sql: WrittenSql, trees: "list[Expr]") -> Iterator[Diagnostic]:
    from sqlglot import exp

    help = "write one SELECT, or one WITH ... SELECT"
    if len(trees) != 1:
        yield sql_problem(sql, "DMS261", f"the query holds {len(trees)} statements", help, None)
        return
    tree = trees[0]
    if not isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery):
        word = re.split(r"\W", sql.text.strip(), maxsplit=1)[0]
        yield sql_problem(sql, "DMS261", f'the query is "{word.upper()}", not a SELECT', help, None)
        return
    writes = tree.find(exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into, exp.Create, exp.Command)
    if writes is not None:
        message = f'the query writes: it holds "{writes.key.upper()}"'
        yield sql_problem(sql, "DMS261", message, help, None)
    elif tree.find(exp.Lock) is not None:
        yield sql_problem(sql, "DMS261", "the query locks rows", "remove the FOR clause", None)
    kinds = exp.Alias | exp.Column
    named = [part.alias_or_name for part in tree.selects if isinstance(part, kinds) and not part.is_star]
    folded = [name.lower() for name in named]
    for name in dict.fromkeys(name for i, name in enumerate(named) if folded[i] in folded[:i]):
        help = "name one of the two with AS, or leave it out"
        yield sql_problem(sql, "DMS266", f'the query has two columns "{name}"', help, None)


def _judge_expression(sql: WrittenSql, trees: "list[Expr]") -> Iterator[Diagnostic]:
    from sqlglot import exp

    tree = trees[0] if len(trees) == 1 else None
    help = "write one expression, without SELECT, alias or semicolon"
    given = {name for name, part in tree.args.items() if part} if isinstance(tree, exp.Select) else set()
    whole = {"expressions", "where"} if sql.prefix == _PREDICATE else {"expressions"}
    values = tree.expressions if isinstance(tree, exp.Select) else []
    if given != whole or len(values) != 1 or isinstance(values[0], exp.Alias | exp.Star):
        yield sql_problem(sql, "DMS262", f"{sql.what} is not one expression", help, None)
        return
    if sql.of_set:
        if tree and tree.find(exp.AggFunc, exp.Subquery, exp.Exists) is None:
            help = "write a count, a sum or another aggregate into it, or remove on:"
            yield sql_problem(sql, "DMS275", "expr looks at one row, and the check looks at a set", help, None)
        return
    for part in tree.walk() if tree else ():
        if isinstance(part, exp.AggFunc | exp.Window) and part.parent_select is tree:
            found = part.find(exp.AggFunc, exp.Func) or part
            message = f'{sql.what} looks at several rows: it holds "{found.key.upper()}"'
            yield sql_problem(sql, "DMS265", message, "write it in source.query, or in a (SELECT ...) of its own", None)
            return


def sql_problem(
    sql: WrittenSql,
    code: str,
    message: str,
    help: str,
    at: tuple[int, int] | None,
    severity: Severity = Severity.ERROR,
) -> Diagnostic:
    """A problem of one text, at a stretch of it where that is known."""
    place = spot(sql.text, *at) if at else None
    return Diagnostic(code=code, message=message, path=sql.path, help=help, severity=severity, position=place)
