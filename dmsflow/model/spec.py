"""A pipeline spec, decoded: frozen values and closed choices. Says what a user wrote, decides nothing."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from dmsflow.model.checks import Check
from dmsflow.model.deletes import DeletesWithin
from dmsflow.model.evolution import Evolve
from dmsflow.model.guards import Guards
from dmsflow.model.lookup import Lookup
from dmsflow.model.surrogate import SurrogateKey
from dmsflow.model.table import DataType, TableName


class Kind(StrEnum):
    """What a target table is for; only a dimension gets a surrogate key by itself."""

    DIMENSION = "dimension"
    FACT = "fact"
    MART = "mart"
    TABLE = "table"


class ScdType(StrEnum):
    """How a target follows its source."""

    APPEND = "append"
    KEEP = "0"
    OVERWRITE = "1"
    HISTORY = "2"


class Policy(StrEnum):
    """What a change of one column means."""

    KEEP = "0"
    OVERWRITE = "1"
    VERSION = "2"
    PREVIOUS = "3"
    IGNORE = "ignore"


class Type1(StrEnum):
    """Which versions of a key a column is overwritten in."""

    CURRENT = "current"
    ALL = "all"


class Grain(StrEnum):
    """Whether an extract holds one row per key, or several versions of it."""

    SNAPSHOT = "snapshot"
    CHANGES = "changes"


class Deletes(StrEnum):
    """What happens to a key that the source no longer has."""

    IGNORE = "ignore"
    CLOSE = "close"
    TOMBSTONE = "tombstone"
    DELETE = "delete"
    FLAG = "flag"


class Duplicates(StrEnum):
    """Which of several different rows of one key is loaded."""

    REJECT = "reject"
    LAST = "last"


class Late(StrEnum):
    """What happens to a row that is older than the current version."""

    REJECT = "reject"
    CORRECT_CURRENT = "correct_current"
    INSERT = "insert"


class Detect(StrEnum):
    """How a change is found."""

    COLUMNS = "columns"
    HASH = "hash"


class Strategy(StrEnum):
    """What is remembered between runs."""

    AUTO = "auto"
    KEY = "key"
    PYTHON = "python"
    NONE = "none"


class OnNull(StrEnum):
    """What happens to a row whose checkpoint column is null."""

    REJECT = "reject"
    READ = "read"


class ExecutorName(StrEnum):
    """What runs the chunks."""

    THREADS = "threads"
    DASK = "dask"


class UniqueIndex(StrEnum):
    """Whether the database itself keeps the current version unique."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


ParamValue = int | Decimal | float | str | bool | date | datetime | None


class Param(Struct, frozen=True, kw_only=True):
    """A declared parameter; ``value`` is what --set gave, else the default."""

    name: str
    type: DataType
    value: ParamValue = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretText:
    """Text that may hold ``${env:NAME}`` or ``${file:PATH}``, or a literal secret: shown by no repr."""

    template: str = field(repr=False)

    def __str__(self) -> str:
        return "***"


class Connection(Struct, frozen=True, kw_only=True):
    """A named database, unresolved. Relative paths in ``url`` belong to the folder of ``file``."""

    name: str
    url: SecretText
    password: SecretText | None = None
    options: tuple[tuple[str, SecretText | int | bool], ...] = ()
    file: str = ""


class Operation(Struct, frozen=True, kw_only=True):
    """The column of a change feed that says what happened to a row, and the values that say it."""

    column: str
    insert: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """Every value that says something."""
        return (*self.insert, *self.update, *self.delete)


class Source(Struct, frozen=True, kw_only=True):
    """Where rows come from: exactly one of table, query, file. ``file`` is absolute, or a glob."""

    connection: str | None = None
    table: TableName | None = None
    query: str | None = None
    file: str | None = None
    where: str | None = None
    grain: Grain = Grain.SNAPSHOT
    op: Operation | None = None
    unique: bool = False


class Target(Struct, frozen=True, kw_only=True):
    """Where rows go."""

    connection: str
    table: TableName
    kind: Kind = Kind.TABLE
    create: bool = True
    evolve: Evolve = Evolve()
    unique_index: UniqueIndex = UniqueIndex.AUTO


class ColumnSpec(Struct, frozen=True, kw_only=True):
    """One target column: from a source column, an expression, a constant (``has_value``), or a lookup.

    ``previous`` and ``since`` are what the spec calls the columns that keep a previous value; ``was`` is its old name.
    """

    name: str
    source: str | None = None
    expr: str | None = None
    value: ParamValue = None
    has_value: bool = False
    type: DataType | None = None
    policy: Policy | None = None
    type1: Type1 | None = None
    previous: str | None = None
    since: str | None = None
    lookup: Lookup | None = None
    was: str | None = None


class Fields(Struct, frozen=True, kw_only=True):
    """Names of the engine's own columns; None where the spec switches one off."""

    surrogate_key: str | None = None
    valid_from: str = "valid_from"
    valid_to: str = "valid_to"
    is_current: str = "is_current"
    inserted_at: str = "inserted_at"
    modified_at: str = "modified_at"
    row_hash: str = "row_hash"
    is_deleted: str = "is_deleted"


class Scd(Struct, frozen=True, kw_only=True):
    """How the target follows the source. ``effective_at`` None is the instant of the run, ``window`` None no limit."""

    type: ScdType
    type1: Type1 = Type1.CURRENT
    effective_at: str | None = None
    first_valid_from: datetime | None = None
    open_end: datetime | None = datetime(9999, 12, 31)  # noqa: DTZ001 - a literal of the spec, in UTC
    deletes: Deletes = Deletes.IGNORE
    within: DeletesWithin = DeletesWithin()
    duplicates: Duplicates = Duplicates.REJECT
    order_by: tuple[str, ...] = ()
    late: Late = Late.REJECT
    window: timedelta | None = None
    detect: Detect = Detect.COLUMNS
    fields: Fields = Fields()
    surrogate: SurrogateKey = SurrogateKey()
    unknown_member: tuple[tuple[str, str | None], ...] = ()

    @property
    def last_by(self) -> tuple[str, ...]:
        """What tells the last row of a key: nothing, where rows are appended."""
        return () if self.type is ScdType.APPEND else self.order_by


class Checkpoint(Struct, frozen=True, kw_only=True):
    """What is remembered between runs."""

    strategy: Strategy = Strategy.AUTO
    columns: tuple[str, ...] = ()
    settle: timedelta | None = None
    on_null: OnNull = OnNull.REJECT

    @property
    def by_key(self) -> bool:
        """Whether a watermark is kept between runs."""
        return self.strategy is Strategy.KEY or (self.strategy is Strategy.AUTO and bool(self.columns))

    @property
    def counted(self) -> bool:
        """Whether chunks are numbers of rows, counted as they are read."""
        return self.strategy is Strategy.PYTHON


class Parallel(Struct, frozen=True, kw_only=True):
    """How the work is cut and shared; None leaves the choice to the plan."""

    workers: int | None = None
    chunk_by: tuple[str, ...] = ()
    chunk_rows: int | None = None
    min_rows: int = 100_000
    executor: ExecutorName = ExecutorName.THREADS


class Retry(Struct, frozen=True, kw_only=True):
    """How often, and how patiently, a transient error is tried again."""

    attempts: int = 4
    first_delay: timedelta = timedelta(seconds=1)
    max_delay: timedelta = timedelta(seconds=60)


class ErrorBudget(Struct, frozen=True, kw_only=True):
    """How many rejected rows a run may have; a None percent is no limit of its own."""

    max_rows: int = 0
    max_percent: float | None = None


class PipelineSpec(Struct, frozen=True, kw_only=True):
    """One load: one source, one target table. ``columns`` empty means every source column."""

    version: int
    pipeline: str
    source: Source
    target: Target
    scd: Scd
    key: tuple[str, ...] = ()
    description: str = ""
    params: tuple[Param, ...] = ()
    columns: tuple[ColumnSpec, ...] = ()
    checkpoint: Checkpoint = Checkpoint()
    parallel: Parallel = Parallel()
    retry: Retry = Retry()
    errors: ErrorBudget = ErrorBudget()
    guards: Guards = Guards()
    checks: tuple[Check, ...] = ()
    connections: tuple[Connection, ...] = ()
    file: str = ""
    ledger_folder: str = ""

    @property
    def is_feed(self) -> bool:
        """Whether an extract may hold several versions of a key, in an order that counts; append has no keys."""
        return self.source.grain is Grain.CHANGES and self.scd.type is not ScdType.APPEND

    @property
    def remembers(self) -> bool:
        """Whether observations are kept beside the target, so that late ones can be put where they belong."""
        return self.is_feed and self.scd.type is ScdType.HISTORY and self.scd.late is Late.INSERT

    def is_everywhere(self, column: ColumnSpec) -> bool:
        """Whether every version of a key has the column's latest value."""
        overwritten = self.scd.type is ScdType.HISTORY and column.policy is Policy.OVERWRITE
        return overwritten and (column.type1 or self.scd.type1) is Type1.ALL

    def connection(self, name: str) -> Connection:
        """The connection of that name. Raises KeyError; the compiler has checked the names."""
        return {connection.name: connection for connection in self.connections}[name]


def param_values(params: tuple[Param, ...]) -> dict[str, ParamValue]:
    """The parameters as bound values, under the names that statements know them by."""
    return {f"param_{param.name}": param.value for param in params}
