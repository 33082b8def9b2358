"""Rows in a folder: one file for each table, named after it. Reads nothing outside of the folder."""

import glob
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.compiler.document import read_document
from dmsflow.compiler.schema_check import check_rows_shape
from dmsflow.diagnostics import Diagnostic, has_errors
from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.duckdb_files import CSV_ENDINGS, JSON_ENDINGS, PARQUET_ENDINGS, open_files
from dmsflow.errors import PlanRefused, SpecRejected
from dmsflow.model.table import TableName
from dmsflow.rehearsal.given import GivenRows, give_nodes

TOO_MANY = "DMS013"
YAML_ENDINGS = (".yaml", ".yml")
ENDINGS = (*CSV_ENDINGS, *PARQUET_ENDINGS, *JSON_ENDINGS, *YAML_ENDINGS)


class FolderRows(Struct, frozen=True, kw_only=True):
    """The rows of a folder; ``pattern`` is the source's own file, or ``tables`` are those that it reads."""

    folder: Path
    pattern: str | None = None
    tables: tuple[TableName, ...] = ()

    def source(self, table: TableName | None, session: DuckDBSession) -> GivenRows:
        """The rows of a source table, or of the file that stands in for the source's."""
        names = table_names(table) if table else (name_of_files(str(self.pattern)),)
        found = self._find(names)
        if found is None:
            raise PlanRefused(
                f'there is no file with the rows of "{table or names[0]}" in {self.folder}: add {names[-1]}.csv, '
                f"{names[-1]}.parquet or {names[-1]}.yaml"
            )
        return _open(found, session, f"_dms_given_{names[0]}")

    def files(self, pattern: str) -> str | None:
        """The path or glob in a folder of its own, or the one file that is no YAML."""
        name = name_of_files(pattern)
        inner = self.folder / name
        if inner.is_dir():
            last = pattern.rpartition("/")[2]
            return f"{glob.escape(str(inner))}/{last}"
        found = self._find((name,))
        return None if found is None or found.name.lower().endswith(YAML_ENDINGS) else glob.escape(str(found))

    def target(self, table: TableName, session: DuckDBSession) -> GivenRows | None:
        """The rows of the target; None where no file is named after it, or where that has the rows of the source."""
        found = self._find(table_names(table))
        names = [table_names(read) for read in self.tables]
        if self.pattern is not None:
            names.append((name_of_files(self.pattern),))
        if found is None or found in map(self._find, names):
            return None
        return _open(found, session, "_dms_given_target")

    def dimension(self, table: TableName, session: DuckDBSession) -> GivenRows | None:
        """The rows of a dimension; None where no file is named after it."""
        found = self._find(table_names(table))
        return _open(found, session, f"_dms_given_{table.table}") if found else None

    def _find(self, names: tuple[str, ...]) -> Path | None:
        """The file of the first name that has one. Raises PlanRefused where it has two."""
        listed = sorted(path for path in self.folder.iterdir() if path.is_file())
        for name in names:
            known = {f"{name}{ending}".lower() for ending in ENDINGS}
            found = [path for path in listed if path.name.lower() in known]
            if len(found) > 1:
                told = " and ".join(path.name for path in found)
                raise PlanRefused(f'{told} in {self.folder} are both rows of "{name}": keep one of the two')
            if found:
                return found[0]
        return None


def _advise(problem: Diagnostic) -> Diagnostic:
    return replace(problem, help="give more rows as CSV or Parquet") if problem.code == TOO_MANY else problem


def table_names(table: TableName) -> tuple[str, ...]:
    """What the file of a table may be called: with its schema, or without."""
    parts = [part for part in (table.catalog, table.schema, table.table) if part]
    return tuple(".".join(parts[i:]) for i in range(len(parts)))


def name_of_files(pattern: str) -> str:
    """What the rows of a path are called: the file's name without its endings; of a glob, its nearest plain folder."""
    parts = [part for part in pattern.split("/") if part and not glob.has_magic(part)]
    name = parts[-1] if parts else "rows"
    ending = next((ending for ending in ENDINGS if name.lower().endswith(ending)), "")
    return name[: len(name) - len(ending)]


def _open(path: Path, session: DuckDBSession, name: str) -> GivenRows:
    if path.name.lower().endswith(YAML_ENDINGS):
        document = read_document(path)
        problems = tuple(map(_advise, document.diagnostics)) or check_rows_shape(document)
        if has_errors(problems):
            raise SpecRejected(problems)
        rows = document.node(("rows",))
        return give_nodes(rows.items if rows else (), str(path), name, session)
    files = open_files(session, glob.escape(str(path)))
    return GivenRows(
        relation=files.sql,
        columns=files.shape.columns,
        as_text=files.as_text,
        formats=files.formats,
        origin=str(path),
    )
