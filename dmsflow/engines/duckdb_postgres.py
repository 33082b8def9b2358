"""A PostgreSQL database beside a DuckDB database, by DuckDB's own extension: loaded where it is, attached, asked.

Nothing is fetched unless the connection says so, and nothing secret stands in what is attached: the password goes to
DuckDB as a parameter, and out of its sight with the secret that held it. Knows no table; moves no row.
"""

import importlib.util
import re
from contextlib import suppress
from pathlib import Path

from dmsflow.engines.address import Address
from dmsflow.engines.duckdb_driver import driver
from dmsflow.engines.duckdb_options import POSTGRES_EXTENSION, Extension
from dmsflow.engines.duckdb_sql import write_text
from dmsflow.engines.postgresql_options import write_conninfo
from dmsflow.errors import DatabaseError, PermanentError, TransientError
from dmsflow.events import redact

PACKAGE = "duckdb_extension_postgres_scanner"
"""The official, signed extension as a package of PyPI: for one version of DuckDB each."""

NOT_THERE = f"DuckDB's postgres extension is not installed (pip install {PACKAGE.replace('_', '-')}, where it is \
made for this DuckDB)"

UNSAID = ("sslpassword", "oauth_client_secret")
"""Secrets of libpq that DuckDB has no place for."""

UNCHECKED = "SQL_ASCII"
"""An encoding whose text may be any bytes, which DuckDB would take as they are."""

LOST = re.compile(
    r"server closed the connection|connection (?:to server|not open)|terminating connection|Unable to connect"
    r"|SSL SYSCALL|SSL connection has been closed|no connection to the server|could not receive data"
    r"|could not serialize access|deadlock detected|conflict with recovery|too many (?:clients|connections)"
    r"|remaining connection slots|the database system is (?:starting up|shutting down|in recovery)|due to lock timeout",
    re.IGNORECASE,
)
"""What the server and libpq say where another try helps: DuckDB hands on no SQLSTATE."""

SAID = re.compile(r"(?:ERROR|FATAL):\s+(.+)", re.DOTALL)
AROUND = re.compile(r"\n\n?LINE \d+:.*|(?:IO Error: )?Unable to connect to Postgres at \".*?\": ", re.DOTALL)


def attach_postgresql(
    database: "driver.DuckDBPyConnection", address: Address, alias: str, policy: Extension
) -> str | None:
    """Load the extension and attach the database under the alias, read-only; why not, where that cannot be."""
    if policy is Extension.NEVER:
        return f"the option {POSTGRES_EXTENSION} of the target is {policy}"
    unsaid = next((name for name, _ in address.options if name in UNSAID), None)
    if unsaid:
        return f"DuckDB has no place for the option {unsaid}"
    obstacle = load_extension(database, fetch=policy is Extension.INSTALL)
    if obstacle is not None:
        return obstacle
    try:
        _attach(database, address, alias)
        encoding = database.execute(
            f"SELECT said FROM {query_server(alias, 'SELECT pg_catalog.getdatabaseencoding()::text AS said')}"
        ).fetchall()[0][0]
    except driver.Error as error:
        return f"DuckDB cannot attach the server: {describe(str(error))}"
    return f"the server's text is of no one encoding ({UNCHECKED})" if encoding == UNCHECKED else None


def load_extension(database: "driver.DuckDBPyConnection", *, fetch: bool) -> str | None:
    """Load the extension from where DuckDB keeps its own, else from the package; why not, where there is none."""
    tried = ["LOAD postgres_scanner"]
    packaged = find_packaged(database.execute("SELECT library_version FROM pragma_version()").fetchall()[0][0])
    if packaged is not None:
        tried.append(f"LOAD {write_text(str(packaged))}")
    if fetch:
        tried.append("INSTALL postgres_scanner; LOAD postgres_scanner")
    said = NOT_THERE
    for statement in tried:
        try:
            database.execute(statement)
        except driver.Error as error:
            # The first attempt fails wherever nothing is installed; what the others say is news.
            said = said if statement == tried[0] else f"DuckDB's postgres extension does not load: {_first_line(error)}"
        else:
            return None
    return said


def find_packaged(version: str) -> Path | None:
    """The extension that the package brings for this version of DuckDB."""
    with suppress(ImportError, ValueError):
        found = importlib.util.find_spec(PACKAGE)
        for place in (found.submodule_search_locations or ()) if found else ():
            path = Path(place) / "extensions" / version / "postgres_scanner.duckdb_extension"
            if path.is_file():
                return path
    return None


def _attach(database: "driver.DuckDBPyConnection", address: Address, alias: str) -> None:
    """Attach under the alias. A secret of our own keeps those away that DuckDB may have stored for the user."""
    conninfo, password = write_conninfo(address)
    given = ", PASSWORD $password" if password else ""
    database.execute(
        f'CREATE OR REPLACE TEMPORARY SECRET "{alias}" (TYPE postgres{given})',
        {"password": password} if password else None,
    )
    try:
        database.execute(f'ATTACH {write_text(conninfo)} AS "{alias}" (TYPE postgres, SECRET "{alias}", READ_ONLY)')
    finally:
        database.execute(f'DROP SECRET "{alias}"')


def query_server(alias: str, sql: str) -> str:
    """What the server answers to a query, as it stands in FROM."""
    return f"postgres_query({write_text(alias)}, {write_text(sql)})"


def begin_at(alias: str, snapshot: str) -> str:
    """A statement with which the server's part of an open transaction reads an exported state: its first one."""
    return (
        f"CALL postgres_execute({write_text(alias)}, {write_text(f'SET TRANSACTION SNAPSHOT {write_text(snapshot)}')})"
    )


def judge(error: DatabaseError) -> DatabaseError:
    """An error of a statement that reads the server, in the server's own words: whether another try helps."""
    text = describe(str(error))
    return TransientError(text) if LOST.search(str(error)) else PermanentError(text)


def describe(message: str) -> str:
    """The server's words, without the SQL that DuckDB quotes before and after them."""
    words = AROUND.sub("", message)
    said = SAID.search(words)
    return redact(" ".join((said[1] if said else words).split()))


def _first_line(error: Exception) -> str:
    return redact(str(error).strip().splitlines()[0])
