"""A real Oracle for whoever names one in DMSFLOW_TEST_ORACLE_URL: its user's schema is emptied before each use.

The user owns nothing that matters, and may do what how-to/oracle-permissions gives to the owner of a target and to the
reader of a source.
"""

import os
from contextlib import contextmanager, suppress
from typing import Any

import oracledb
import pytest
import sqlglot
from sqlglot import exp

from dmsflow.engines.address import Address
from dmsflow.engines.oracle_binds import choose_type
from dmsflow.engines.oracle_options import read_address, write_settings

URL = os.environ.get("DMSFLOW_TEST_ORACLE_URL", "")
needed = pytest.mark.skipif(not URL, reason="DMSFLOW_TEST_ORACLE_URL names no server")

OURS = """
SELECT object_type, object_name FROM user_objects
WHERE object_type IN ('TABLE', 'VIEW', 'SYNONYM') AND object_name NOT LIKE 'BIN$%'
"""


def address() -> Address:
    """The server, as a connection of a spec names it."""
    return Address(name="lab", scheme="oracle", url=URL, pipeline="tests")


@contextmanager
def connected():
    """The driver's own connection, set up as a session of dmsflow is."""
    reach = read_address(address())
    reach.arguments.pop("homogeneous", None)
    with oracledb.connect(**reach.arguments) as connection:
        connection.inputtypehandler = choose_type
        for statement in write_settings(reach.limits):
            connection.cursor().execute(statement)
        yield connection


def empty() -> None:
    """Drop everything that the user owns."""
    with connected() as connection, connection.cursor() as cursor:
        for kind, name in cursor.execute(OURS).fetchall():
            more = " CASCADE CONSTRAINTS PURGE" if kind == "TABLE" else ""
            with suppress(oracledb.DatabaseError):
                cursor.execute(f'DROP {kind} "{name}"{more}')


def in_oracles_words(sql: str) -> str:
    """A query of the tests: its names as dmsflow made them, columns as written, tables of a spec in capitals."""

    def quote(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Table) and not node.name.startswith("dmsflow_"):
            node.set("this", exp.to_identifier(node.name.upper(), quoted=True))
        return node

    tree = sqlglot.parse_one(sql, dialect="duckdb").transform(quote)
    for identifier in tree.find_all(exp.Identifier):
        identifier.set("quoted", True)
    return tree.sql(dialect="oracle")


def read(sql: str, values: Any = None) -> list[tuple[Any, ...]]:
    """Rows of the user's tables."""
    with connected() as connection, connection.cursor() as cursor:
        cursor.execute(in_oracles_words(sql), values or {}, fetch_lobs=False, fetch_decimals=True)
        return [tuple(row) for row in cursor.fetchall()]
