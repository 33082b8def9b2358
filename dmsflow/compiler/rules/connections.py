"""Rules about connections: their names, their databases, their secrets. Never quotes a url."""

import re
from collections.abc import Iterator

from dmsflow.diagnostics import Diagnostic, Path, Severity, did_you_mean
from dmsflow.model.reference import find_references
from dmsflow.model.spec import Connection, PipelineSpec, SecretText

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)(?:\+[A-Za-z0-9_]+)?:")
_SECRET_OPTION = re.compile(r"password|passwd|pwd|token|secret", re.I)
_LITERAL_PASSWORD = re.compile(r"://[^/@?:]*:(?!\$\{)[^/@?]+@|[?&](?:password|pwd|passwd|token)=(?!\$\{)[^&]", re.I)

RUN = ("duckdb", "sqlite", "postgresql")
UNTRIED = ("oracle",)
UNPROVEN = (
    "mysql",
    "mariadb",
    "mssql",
    "snowflake",
    "bigquery",
    "redshift",
    "trino",
    "clickhouse",
    "databricks",
    "cockroachdb",
    "ibm_db_sa",
    "hana",
    "teradatasql",
    "vertica",
    "exa",
    "firebird",
    "access",
)


def database_of(connection: Connection) -> str | None:
    """The url's scheme without its driver; None when a reference hides it or there is none."""
    match = _SCHEME.match(connection.url.template)
    return match[1].lower() if match else None


def used_connections(spec: PipelineSpec) -> Iterator[tuple[Path, str]]:
    """The connections a spec names, with the place of each name."""
    if spec.source.connection is not None:
        yield ("source", "connection"), spec.source.connection
    yield ("target", "connection"), spec.target.connection


def connections_are_known(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A connection is named in the spec, or in the nearest connections.yaml."""
    known = tuple(connection.name for connection in spec.connections)
    for path, name in used_connections(spec):
        if name in known:
            continue
        listed = (
            f"write one of {', '.join(known)}"
            if known
            else 'add it under "connections:", here or in a connections.yaml'
        )
        help = did_you_mean(name, known) or listed
        yield Diagnostic(code="DMS203", message=f'connection "{name}" is not declared', path=path, help=help)


def databases_are_run(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A url that names its database names one that this version runs; a reference is judged when it is opened."""
    used = {name for _, name in used_connections(spec)}
    for connection in spec.connections:
        if connection.name in used:
            yield from judge_database(connection)


def judge_database(connection: Connection) -> Iterator[Diagnostic]:
    """What is to say about the database of one connection."""
    path: Path = ("connections", connection.name, "url")
    database = database_of(connection)
    if database is None:
        if not connection.url.template.startswith("${"):
            help = "write database://..., such as duckdb:///warehouse.duckdb"
            message = f'the url of "{connection.name}" names no database'
            yield Diagnostic(code="DMS208", message=message, path=path, help=help)
    elif database in UNTRIED:
        message = f'the statements for "{database}" have not been run on a real server by the project'
        help = "try it on data that may be lost, and compare source and target"
        yield Diagnostic(code="DMS267", message=message, path=path, help=help, severity=Severity.WARNING)
    elif database in UNPROVEN:
        message = f'"{database}" runs through SQLAlchemy and is unproven'
        help = "compare source and target after the first loads"
        yield Diagnostic(code="DMS207", message=message, path=path, help=help, severity=Severity.WARNING)
    elif database not in RUN:
        known = (*RUN, *UNTRIED, *UNPROVEN)
        help = did_you_mean(database, known) or f"write one of {', '.join(known)}"
        yield Diagnostic(code="DMS206", message=f'database "{database}" is unknown', path=path, help=help)


def secrets_are_references(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A password in a file is read by everyone who reads the file."""
    used = {name for _, name in used_connections(spec)}
    for connection in spec.connections:
        if connection.name in used or connection.file == spec.file:
            yield from judge_secrets(connection)


def judge_secrets(connection: Connection) -> Iterator[Diagnostic]:
    """What is to say about the secrets of one connection."""
    name = connection.name
    secrets: list[tuple[Path, object]] = [(("password",), connection.password)]
    secrets += [(("options", key), value) for key, value in connection.options if _SECRET_OPTION.search(key)]
    literal = [path for path, secret in secrets if isinstance(secret, SecretText) and _is_literal(secret)]
    if _LITERAL_PASSWORD.search(connection.url.template):
        literal.append(("url",))
    for path in literal:
        yield Diagnostic(
            code="DMS204",
            message=f'the password of "{name}" stands in the file',
            path=("connections", name, *path),
            help='write a reference, such as "${env:' + name.upper() + '_PASSWORD}"',
            severity=Severity.WARNING,
        )


def _is_literal(secret: SecretText) -> bool:
    return not any(found.kind for found in find_references(secret.template))
