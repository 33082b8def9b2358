"""Guards: how far an extract may differ from what is expected, and which of them a run may pass. Values only."""

from enum import StrEnum

from msgspec import Struct


class GuardName(StrEnum):
    """The guards, by their names in a spec."""

    MIN_ROWS = "min_rows"
    MAX_CLOSE = "max_close_percent"
    MAX_CHANGE = "max_change_percent"
    MAX_SHRINK = "max_shrink_percent"
    MAX_GROWTH = "max_growth_percent"


class Guards(Struct, frozen=True, kw_only=True):
    """When an extract looks broken; None is switched off.

    ``count_first``: shares are counted over all chunks before the first one writes, because the spec sets a limit.
    """

    min_rows: int | None = None
    max_close_percent: float | None = None
    max_change_percent: float | None = None
    max_shrink_percent: float | None = None
    max_growth_percent: float | None = None
    count_first: bool = False

    @property
    def count_rows(self) -> bool:
        """Whether the number of rows is judged, by itself or against the last run's."""
        limits = (self.min_rows, self.max_shrink_percent, self.max_growth_percent)
        return any(limit is not None for limit in limits)

    @property
    def count_shares(self) -> bool:
        """Whether the share of current rows is judged that a run closes or changes."""
        return self.max_close_percent is not None or self.max_change_percent is not None


class Allowed(Struct, frozen=True, kw_only=True):
    """A guard that one run may pass, and who said so."""

    guard: GuardName
    by: str
