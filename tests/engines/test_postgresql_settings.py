"""What a user, a database or a connection has set on a PostgreSQL server, and what it does not change."""

import time

import psycopg

from tests.engines.conftest import open_engine


def test_values_are_read_as_they_are_written_whatever_the_user_has_set(url: str) -> None:
    values = (
        "'{1,NULL}'::int[]::text, ('{a,NULL}'::text[])[2] IS NULL, 1234.5::money::text, current_setting('xmloption')"
    )
    with psycopg.connect(url) as connection:
        [(user,)] = connection.execute("SELECT current_user").fetchall()
        [(name,)] = connection.execute("SELECT current_database()").fetchall()
        for setting in ("array_nulls = off", "xmloption = document", "DateStyle = 'SQL, DMY'", "bytea_output = escape"):
            connection.execute(f'ALTER ROLE "{user}" IN DATABASE "{name}" SET {setting}')
    opened = open_engine(url)
    session = opened.connect()
    try:
        assert session.fetch(f"SELECT {values}") == [("{1,NULL}", True, "$1,234.50", "content")]
        assert session.fetch("SELECT '2024-03-02'::date::text, '\\x00'::bytea::text") == [("2024-03-02", "\\x00")]
    finally:
        session.close()
        opened.close()
        with psycopg.connect(url) as connection:
            connection.execute(f'ALTER ROLE "{user}" IN DATABASE "{name}" RESET ALL')


def test_the_servers_own_functions_are_found_first_wherever_the_search_path_names_them(url: str) -> None:
    paths = {
        "public, pg_catalog": "public",
        "pg_catalog,public": "public",
        '"$user", "pg_catalog" , public, PG_TEMP': '"$user", public',
        "public, pg_catalogs": "public, pg_catalogs",
        "pg_catalog": "",
    }
    with psycopg.connect(url, autocommit=True) as connection:
        for name, kind in (("clock_timestamp()", "timestamptz"), ("current_setting(text)", "text")):
            connection.execute(
                f"CREATE FUNCTION public.{name} RETURNS {kind} LANGUAGE sql AS $$SELECT CAST(NULL AS {kind})$$"
            )
        connection.execute("CREATE OPERATOR public.= (LEFTARG = int, RIGHTARG = int, FUNCTION = int4ne)")
    for written, found in paths.items():
        escaped = written.replace(" ", "\\ ")
        opened = open_engine(url, options=f"-c search_path={escaped}")
        session = opened.connect()
        assert session.fetch("SELECT pg_catalog.current_setting('search_path'), 1 = 1") == [(found, True)]
        assert session.fetch("SELECT clock_timestamp() > TIMESTAMPTZ '2020-01-01'") == [(True,)]
        session.close()
        opened.close()


def test_no_limit_of_idle_sessions_ends_the_one_that_holds_a_snapshot(url: str) -> None:
    opened = open_engine(url, read_only=True, options="-c idle_in_transaction_session_timeout=50ms")
    holder, reader = opened.connect(), opened.connect()
    name = holder.export_snapshot()
    time.sleep(0.3)
    reader.begin_at(name)
    reader.rollback()
    holder.rollback()
    assert holder.fetch("SELECT current_setting('idle_in_transaction_session_timeout')") == [("50ms",)]
    for session in (reader, holder):
        session.close()
    opened.close()
