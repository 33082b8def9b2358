"""The contract of a database: what an engine and its sessions do. Holds no SQL dialect; those live with each engine."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from msgspec import Struct

from dmsflow.engines.altering import Altering
from dmsflow.model.table import DataType, TableName, TableShape, TypeName, UniqueKey
from dmsflow.model.watermark import Scalar

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy.engine import Dialect

Value = Scalar | None
Binds = Mapping[str, Value]
Row = tuple[Value, ...]


class Traits(Struct, frozen=True, kw_only=True):
    """What a database is like, where the plan must know."""

    name: str
    embedded: bool
    cheap_unique_index: bool
    stores_nan: bool
    stores_far_times: bool
    """Whether dates and timestamps may lie outside of the years 1 to 9999, or be infinite."""
    stores_nul: bool = True
    """Whether a text may hold the character NUL."""
    unstorable: str | None = None
    """A regular expression of the characters that a text cannot hold; None where it may hold all others."""
    unicode: bool = True
    """Whether the database knows every character, by the number that Unicode gives it, in a regular expression too."""
    keeps_lengths: bool
    """Whether a column remembers how long its text may be."""
    max_columns: int
    binary_text_order: bool
    loose: tuple[str, ...] = ()
    """Types, or families of them, whose columns may arrive as text: not all of their values have a word elsewhere."""
    sorted_digits: int | None = None
    """Decimals of more digits are stored as text here, and do not sort as numbers."""
    longest_name: int | None = None
    """Bytes of a name; where there is a limit, the rest would be cut off without a word."""
    exports_snapshots: bool = False
    """Whether its sessions are SnapshotSessions."""
    forgets: bool = False
    """Whether a state may be gone while it is read, so that less is better read at a time."""
    snapshot_needs: str | None = None
    """What would make its sessions SnapshotSessions, where something does."""
    savepoints: bool = False
    """Whether a transaction outlives a statement that fails, by SAVEPOINT."""
    releases_savepoints: bool = True
    """Whether a savepoint is given up by RELEASE; else the end of its transaction, or one of its name, does so."""
    kept_as: tuple[tuple[TypeName, str], ...] = ()
    """Types that a table does not tell from others, and the types as which they are read back."""
    ddl_commits: bool = False
    """Whether DDL ends the open transaction: temporary tables are made before it begins."""
    times_as_text: bool = False
    """Whether times are kept as texts, so that one with an offset compares with none without."""
    frees_columns: bool = True
    """Whether a column can be changed in the transaction that drops the index over it."""
    empty_is_null: bool = False
    """Whether a text or bytes of no length are NULL."""


class Session(Protocol):
    """One connection of one thread. Errors come out as TransientError or PermanentError, the driver's as cause."""

    traits: Traits

    def execute(self, sql: str, binds: Binds | None = None) -> int:
        """Run a statement; the number of rows it wrote, or 0 where it writes none."""
        ...

    def fetch(self, sql: str, binds: Binds | None = None) -> list[Row]:
        """Run a query; all its rows. For small results only."""
        ...

    def stream(self, sql: str, binds: Binds, batch_rows: int) -> "pa.RecordBatchReader":
        """Run a query; its rows as Arrow batches, read as they are asked for."""
        ...

    def load(self, table: str, batches: "pa.RecordBatchReader") -> int:
        """Insert Arrow batches into a temporary table of this session; the number of rows."""
        ...

    def begin(self) -> None:
        """Open a transaction."""
        ...

    def commit(self) -> None:
        """Make the open transaction last."""
        ...

    def rollback(self) -> None:
        """Undo the open transaction, if there is one."""
        ...

    def describe_table(self, table: TableName) -> TableShape | None:
        """The shape of a table or view; None where there is none."""
        ...

    def describe_query(self, sql: str, binds: Binds | None = None) -> TableShape:
        """The shape of what a SELECT returns."""
        ...

    def unique_keys(self, table: TableName) -> tuple[UniqueKey, ...]:
        """What the database keeps unique in a table; none where nobody asks it."""
        ...

    def range_columns(self, table: TableName, current: str) -> tuple[str, ...] | None:
        """Columns of which a range is found by an index, of all rows or of those whose flag ``current`` is set.

        None where a range of any column is found without one.
        """
        ...

    def estimate_rows(self, table: TableName) -> int | None:
        """How many rows a table has: exact where the database knows it without a scan, else an estimate or None."""
        ...

    def estimate_query(self, sql: str, binds: Binds) -> int | None:
        """How many rows a SELECT returns, by a cheap count or an estimate; None where only reading them tells."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


@runtime_checkable
class SnapshotSession(Session, Protocol):
    """A session of a database in which several sessions can read one state (law 5)."""

    def export_snapshot(self) -> str:
        """Open a transaction whose state others can read until it ends; the name of that state."""
        ...

    def begin_at(self, snapshot: str) -> None:
        """Open a transaction that reads an exported state. Raises SnapshotLost where it is there no more."""
        ...


class Idioms(Altering, Protocol):
    """How a dialect says what SQLAlchemy has no word for."""

    row_id: str
    now: str
    sample: tuple[str, str] | None
    """Method and size of a TABLESAMPLE of a twentieth of the rows; None where there is no such clause."""

    failing: str | None
    """An integer that fails with these words, in ``{}``, when it is evaluated; None where nothing fails on demand."""

    check_deferred: str | None
    """A statement that looks at once at what a transaction's end would look at; None where there is none."""

    streams_windows: bool
    """Whether a window without an order costs no sort and keeps no rows."""

    padded: tuple[str, ...]
    """How the native names of types begin whose values are filled up with blanks, which do not count."""

    finer_times: tuple[str, ...]
    """Types by their native names that hold finer times than a driver hands over."""

    end_session: str | None
    """A statement that ends the session it is run in, as its server may do; None where there is no server."""

    flags: tuple[str, str]
    """The constants for true and false in a table that dmsflow creates."""

    row_id_sql: str | None
    """How a column for ``row_id`` is declared, where ``define_temporary`` declares columns."""

    def dialect(self) -> "Dialect":
        """The SQLAlchemy dialect, its parameters named."""
        ...

    def type_sql(self, data_type: DataType) -> str:
        """How a column of this type is declared."""
        ...

    def key_sql(self, data_type: DataType, columns: int) -> str:
        """The same of a column that is compared, sorted, or one of so many of an index."""
        ...

    def is_large(self, data_type: DataType) -> bool:
        """Whether values of this type are neither sorted nor grouped, and compared by a function alone."""
        ...

    def staged_sql(self, data_type: DataType, columns: int) -> str:
        """How a staged column is declared; where the types have no limit, a text that is too long has a place too."""
        ...

    def longest(self, data_type: DataType, columns: int) -> int | None:
        """Bytes of a text, or of bytes, in a column like these; None where there is no limit."""
        ...

    def compared_as(self, data_type: DataType) -> str | None:
        """The type to which a staged value is cast before it is compared with one of this type; None where to none."""
        ...

    def check(self, name: str, data_type: DataType) -> str | None:
        """What a column of this type has to meet beside its declaration; None where nothing."""
        ...

    def literal(self, value: Value) -> str:
        """A constant, as the database stores it in a column of the value's type; None is NULL."""
        ...

    def constant(self, value: Value, data_type: DataType) -> str:
        """A constant as a column of a query, so that it arrives as a value of this type."""
        ...

    def create_temporary(self, name: str, columns: Sequence[str], select_sql: str) -> str:
        """A statement that keeps a query's rows in a temporary table, which it makes unless another one defines it."""
        ...

    def define_temporary(self, name: str, columns: Sequence[tuple[str, str]]) -> str | None:
        """A statement that makes a temporary table of columns and their declared types, where DDL ends a transaction.

        It is run before a transaction begins. None where the transaction makes its own tables.
        """
        ...

    def discard_temporaries(self, names: Sequence[str]) -> str | None:
        """A statement that drops those of these tables that are there; None where the transaction does so."""
        ...

    def learn_rows(self, name: str, columns: Sequence[str]) -> str | None:
        """A statement by which the planner knows a temporary table; None where it needs none."""
        ...

    def quote(self, name: str) -> str:
        """An identifier, always quoted (law 37)."""
        ...

    def qualify(self, table: TableName) -> str:
        """A table's name as it stands in DDL."""
        ...

    def create_schema(self, table: TableName) -> str | None:
        """DDL of the schema a table is to stand in; None where it names none, or where there are none."""
        ...

    def unique_current(self, index: str, table: TableName, key: Sequence[str], flag: str | None) -> str | None:
        """DDL of a unique index over the versions whose flag holds; None where the database has none."""
        ...


@runtime_checkable
class WritersIdioms(Idioms, Protocol):
    """The words of a database that tells which transactions may still commit rows (law 17)."""

    def open_since(self, family: str) -> str:
        """A query for the start of the oldest open transaction, as a value of this family.

        Then whether one hides its start, and whether the database knows nothing of those who write.
        """
        ...

    def find_writers(self, names: Sequence[str]) -> str:
        """A query for the open transactions that have written into the tables: an id, and who that is."""
        ...


class Stopping(Protocol):
    """Whether a run was asked to stop: after the work in flight, or at once."""

    @property
    def requested(self) -> bool:
        """Whether nothing new shall begin; what only waits for others may end."""
        ...

    @property
    def at_once(self) -> bool:
        """Whether what is at work shall end too."""
        ...


class Engine(Protocol):
    """One database. ``connect`` gives each thread a session of its own."""

    traits: Traits

    @property
    def idioms(self) -> Idioms:
        """The dialect of this database."""
        ...

    def connect(self) -> Session:
        """Open a session. Raises ConnectionFailed."""
        ...

    def locate(self, table: TableName) -> TableName:
        """The name by which statements find this table and no other thing."""
        ...

    def heed(self, stopping: Stopping) -> None:
        """Let what all sessions wait for, or are at, end with Interrupted when a stop asks for it."""
        ...

    def close(self) -> None:
        """Close what the sessions share."""
        ...


@contextmanager
def transaction(session: Session, begin: Callable[[], None] | None = None) -> Iterator[None]:
    """All of the block's statements, or none of them; ``begin`` opens a transaction of another kind.

    A commit that fails may leave the transaction open, and its locks held: it is undone as well.
    """
    (begin or session.begin)()
    try:
        yield
        session.commit()
    except BaseException:
        session.rollback()
        raise


@contextmanager
def one_state(session: Session) -> Iterator[None]:
    """What is read in the block is read of one state, where the database can do that (law 5); nothing stays of it."""
    if isinstance(session, SnapshotSession):
        session.export_snapshot()
    else:
        session.begin()
    try:
        yield
    finally:
        session.rollback()
