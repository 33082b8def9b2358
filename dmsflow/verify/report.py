"""What a comparison found: counts, differing rows and columns, broken laws of history. Values only."""

from enum import StrEnum

from msgspec import Struct

from dmsflow.model.watermark import Watermark

Values = dict[str, str | None]
"""Column names with values as text; None is NULL."""


class Verdict(StrEnum):
    """Whether anything differs."""

    EQUAL = "equal"
    DIFFERENT = "different"


class Kind(StrEnum):
    """In what a key differs."""

    MISSING = "missing"
    EXTRA = "extra"
    DIFFERENT = "different"
    DUPLICATE = "duplicate"
    OUTDATED = "outdated"


class Tally(Struct, frozen=True, kw_only=True):
    """Rows on both sides, and what became of them; all but the first two count keys, or rows of type append.

    ``kept``: only the target has them, and nothing in the source says that they are gone. ``late`` and ``rejected``
    rows of the source are none that a run would load. ``outdated``: they hold keys that a dimension had when they were
    loaded, and would be given others now.
    """

    expected: int = 0
    actual: int = 0
    missing: int = 0
    extra: int = 0
    different: int = 0
    duplicate: int = 0
    kept: int = 0
    late: int = 0
    outdated: int = 0
    rejected: int = 0

    @property
    def differs(self) -> bool:
        """Whether the target is not what the source would be loaded as."""
        return any((self.missing, self.extra, self.different, self.duplicate))


class Difference(Struct, frozen=True, kw_only=True):
    """One key that differs. Of a row that is on both sides, the columns that differ; else all that are compared."""

    kind: Kind
    key: Values
    expected: Values | None
    actual: Values | None


class LeftOut(Struct, frozen=True, kw_only=True):
    """A column that is not compared, and why."""

    column: str
    why: str


class Segments(Struct, frozen=True, kw_only=True):
    """Into how many parts the keys were divided, and how many of them have other checksums."""

    total: int
    differing: int


class Broken(StrEnum):
    """The law of history that a version breaks."""

    NO_START = "no_start"
    CURRENT_TWICE = "current_twice"
    REPEATED = "repeated"
    INVERTED = "inverted"
    OVERLAP = "overlap"
    CLOSED_CURRENT = "closed_current"
    OPEN_NOT_CURRENT = "open_not_current"
    NOT_REWRITTEN = "not_rewritten"


class Violation(Struct, frozen=True, kw_only=True):
    """A version that breaks a law, and the next one of its key: start, end and flag of each."""

    law: Broken
    key: Values
    version: Values
    next: Values | None


class HistoryFound(Struct, frozen=True, kw_only=True):
    """What the validity intervals are like; a gap, where a key was absent, is none that breaks a law."""

    versions: int
    keys: int
    gaps: int
    broken: dict[str, int]
    violations: tuple[Violation, ...] = ()


class Rows(Struct, frozen=True, kw_only=True):
    """The rows of both sides, compared. Where not ``exact``, the counts are what was found so far: at least so many."""

    counts: Tally
    exact: bool
    segments: Segments
    compared: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    columns: dict[str, int]
    """How many of the differences that are shown have another value in this column."""
    differences: tuple[Difference, ...]
    checksums: str
    watermark: Watermark | None = None


class Verification(Struct, frozen=True, kw_only=True):
    """The whole answer; ``source`` and ``rows`` are None where the history alone was asked for.

    ``loading`` is who loaded the target meanwhile.
    """

    pipeline: str
    verdict: Verdict
    source: str | None
    target: str
    rows: Rows | None
    history: HistoryFound | None
    seconds: float
    loading: str | None = None
