"""Checks: what is asked of rows, of the staged set, or of the target after a load; and what was found. Values only."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from dmsflow.model.table import TableName

AcceptedValue = int | Decimal | float | str | bool | date | datetime


class CheckOn(StrEnum):
    """What a check looks at."""

    ROW = "row"
    STAGED = "staged"
    RESULT = "result"


class CheckSeverity(StrEnum):
    """What a check that does not hold means."""

    ERROR = "error"
    WARNING = "warning"


class CheckKind(StrEnum):
    """What a check asks, by its key in a spec."""

    EXPR = "expr"
    UNIQUE = "unique"
    NOT_NULL = "not_null"
    ACCEPTED_VALUES = "accepted_values"
    FRESH = "fresh"
    ROWS = "rows"
    REFERENCES = "references"


class CheckStatus(StrEnum):
    """What came of a check."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"


class References(Struct, frozen=True, kw_only=True):
    """A table of the target's database, and the columns in it that others refer to."""

    table: TableName
    key: tuple[str, ...]
    where: str = ""


class Check(Struct, frozen=True, kw_only=True):
    """One check. ``kinds`` are those that are written: exactly one, once the rules have looked.

    ``columns`` are what unique, not_null, accepted_values, fresh or references look at.
    """

    name: str
    on: CheckOn = CheckOn.ROW
    severity: CheckSeverity = CheckSeverity.ERROR
    kinds: tuple[CheckKind, ...] = (CheckKind.EXPR,)
    expr: str = ""
    where: str = ""
    columns: tuple[str, ...] = ()
    values: tuple[AcceptedValue, ...] = ()
    within: timedelta | None = None
    min_rows: int | None = None
    max_rows: int | None = None
    references: References | None = None

    @property
    def kind(self) -> CheckKind:
        """What it asks."""
        return self.kinds[0] if self.kinds else CheckKind.EXPR

    @property
    def rejects(self) -> bool:
        """Whether a row that does not meet it is refused."""
        return self.on is CheckOn.ROW and self.severity is CheckSeverity.ERROR


class PlannedCheck(Struct, frozen=True, kw_only=True):
    """A check as a plan carries it: what its statement counts, and in which words it is told.

    ``fault`` is the number that staged rows carry which do not meet it.
    """

    name: str
    on: CheckOn
    severity: CheckSeverity
    kind: CheckKind
    told: str
    columns: tuple[str, ...] = ()
    within: float | None = None
    min_rows: int | None = None
    max_rows: int | None = None
    fault: int | None = None


class CheckResult(Struct, frozen=True, kw_only=True):
    """What a check found: ``rows`` that do not meet it, of so many; and a few of their keys."""

    name: str
    on: CheckOn
    severity: CheckSeverity
    status: CheckStatus
    rows: int = 0
    of: int = 0
    message: str = ""
    samples: tuple[str, ...] = ()


def status_of(severity: CheckSeverity, *, holds: bool) -> CheckStatus:
    """What comes of a check of that severity."""
    if holds:
        return CheckStatus.PASSED
    return CheckStatus.FAILED if severity is CheckSeverity.ERROR else CheckStatus.WARNED
