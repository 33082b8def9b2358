"""SQL that a user wrote, made ready to stand in ours: parameters bound, tables found. Builds no statement."""

import re

PARAM = re.compile(r"\$\{param:([A-Za-z_]\w*)\}")


def bind_params(sql: str, marker: str) -> str:
    """Put a bound parameter where the spec names one; values are never pasted as text."""
    return PARAM.sub(lambda match: f"{marker}param_{match[1]}", sql)


def qualify_tables(sql: str, catalog: str) -> str:
    """A DuckDB query with every table looked up in an attached database."""
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(sql, read="duckdb", error_level=sqlglot.ErrorLevel.RAISE)
    local = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if table.catalog or not isinstance(table.this, exp.Identifier):
            continue
        if not table.db and table.name.lower() in local:
            continue
        table.set("catalog", exp.to_identifier(catalog, quoted=True))
        if not table.db:
            table.set("db", exp.to_identifier("main", quoted=True))
    return tree.sql(dialect="duckdb")


def table_names(sql: str, dialect: str) -> list[str]:
    """The tables that a query names, as it writes them; names of its own WITH among them find nothing, or more."""
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(PARAM.sub("NULL", sql), read=dialect, error_level=sqlglot.ErrorLevel.RAISE)
    tables = [table for table in tree.find_all(exp.Table) if isinstance(table.this, exp.Identifier)]
    return sorted({".".join(part.sql(dialect=dialect) for part in table.parts) for table in tables})
