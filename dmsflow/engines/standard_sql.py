"""What databases have in common that make temporary tables in a transaction and compare every value. Opens nothing."""

import hashlib
from collections.abc import Sequence

from msgspec.structs import replace

from dmsflow.model.evolution import Alteration
from dmsflow.model.table import DataType, TableName


class StandardIdioms:
    """The answers of a database that has no limits of its own."""

    row_id_sql: str | None = None
    flags = ("TRUE", "FALSE")

    def type_sql(self, data_type: DataType) -> str:
        """How a column of this type is declared."""
        raise NotImplementedError

    def quote(self, name: str) -> str:
        """An identifier, always quoted."""
        return '"' + name.replace('"', '""') + '"'

    def qualify(self, table: TableName) -> str:
        """A table's name as it stands in DDL."""
        return ".".join(self.quote(part) for part in (table.catalog, table.schema, table.table) if part)

    def key_sql(self, data_type: DataType, columns: int) -> str:
        """As any other: an index has a place for every value."""
        return self.type_sql(data_type)

    def is_large(self, data_type: DataType) -> bool:
        """Whether its values are neither compared nor sorted: none is."""
        return False

    def staged_sql(self, data_type: DataType, columns: int) -> str:
        """As any other, but without a length: what is too long is refused, and told."""
        return self.type_sql(replace(data_type, length=None))

    def longest(self, data_type: DataType, columns: int) -> int | None:
        """None: nothing but a declared length limits a text."""
        return None

    def compared_as(self, data_type: DataType) -> str | None:
        """None: values compare as they are staged."""
        return None

    def check(self, name: str, data_type: DataType) -> str | None:
        """None: a type has no other values than its own."""
        return None

    def add_column(self, table: TableName, name: str, data_type: DataType) -> str:
        """DDL of a column more."""
        return f"ALTER TABLE {self.qualify(table)} ADD COLUMN {self.quote(name)} {self.type_sql(data_type)}"

    def rename_column(self, table: TableName, old: str, new: str) -> str:
        """DDL of another name."""
        return f"ALTER TABLE {self.qualify(table)} RENAME COLUMN {self.quote(old)} TO {self.quote(new)}"

    def drop_column(self, table: TableName, name: str) -> str:
        """DDL of a column less."""
        return f"ALTER TABLE {self.qualify(table)} DROP COLUMN {self.quote(name)}"

    def dropped_with(self, table: TableName, name: str) -> str | None:
        """None: a column under an index of its own is not dropped."""
        return None

    def change_type(self, table: TableName, name: str, old: DataType, new: DataType) -> Alteration:
        """DDL of another type, which writes every row again."""
        changed = f"ALTER COLUMN {self.quote(name)} SET DATA TYPE {self.type_sql(new)}"
        return Alteration(sql=f"ALTER TABLE {self.qualify(table)} {changed}")

    def allow_null(self, table: TableName, name: str) -> str | None:
        """DDL without NOT NULL."""
        return f"ALTER TABLE {self.qualify(table)} ALTER COLUMN {self.quote(name)} DROP NOT NULL"

    def drop_table(self, table: TableName) -> str:
        """DDL of a table less."""
        return f"DROP TABLE IF EXISTS {self.qualify(table)}"

    def drop_index(self, index: str, table: TableName) -> str:
        """DDL of an index less, which stands in the schema of its table."""
        named = TableName(table=index, schema=table.schema, catalog=table.catalog)
        return f"DROP INDEX IF EXISTS {self.qualify(named)}"

    def create_temporary(self, name: str, columns: Sequence[str], select_sql: str) -> str:
        """A statement that keeps a query's rows in a temporary table."""
        return f"CREATE TEMPORARY TABLE {self.quote(name)} AS {select_sql}"

    def define_temporary(self, name: str, columns: Sequence[tuple[str, str]]) -> str | None:
        """None: the transaction that fills it makes it."""
        return None

    def discard_temporaries(self, names: Sequence[str]) -> str | None:
        """None: the transaction that fills them drops them."""
        return None

    def learn_rows(self, name: str, columns: Sequence[str]) -> str | None:
        """None: a table counts its own rows."""
        return None


def fit_name(name: str, longest: int) -> str:
    """A name of ours in so many bytes; a longer one ends with a digest of all of it."""
    if len(name.encode()) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    kept = name.encode()[: longest - len(digest) - 1].decode(errors="ignore")
    return f"{kept}_{digest}"
