"""What a survey found in both databases. Values only; the compiler turns them into a plan."""

from enum import StrEnum

from msgspec import Struct

from dmsflow.diagnostics import Diagnostic
from dmsflow.model.evolution import EvolutionFacts
from dmsflow.model.table import DataType, TableShape, TypeName, UniqueKey
from dmsflow.model.watermark import Bound, Watermark


class Writers(StrEnum):
    """What a run by a watermark does about transactions that may still commit rows below its end (law 17)."""

    PASSED = "passed"
    AWAITED = "awaited"
    UNSEEN = "unseen"


class SourceFacts(Struct, frozen=True, kw_only=True):
    """The source as the session sees it that reads it.

    ``relation`` is SQL that stands in a FROM clause. ``arrives`` differs from the shape's types where a file is read
    as text, so that a value that does not fit is refused by itself; ``formats`` are its strptime formats by column.
    ``lines`` is SQL as well, of at least as many rows and fast to count. ``reached``: the target's sessions see the
    source's server; ``out_of_reach`` is why not, where they might. ``one_file``: nobody writes to the target while the
    source is read. ``forgets``: a state may be gone while it is read; ``snapshot_needs``: what lets chunks share one.
    """

    engine: str
    label: str
    relation: str
    shape: TableShape
    attach: str | None = None
    embedded: bool = True
    binary_text_order: bool = True
    exports_snapshots: bool = False
    forgets: bool = False
    snapshot_needs: str | None = None
    sorted_digits: int | None = None
    in_place: bool = False
    one_file: bool = False
    repeatable: bool = False
    stores_nul: bool = True
    unstorable: str | None = None
    unicode: bool = True
    as_text: bool = False
    loose: tuple[str, ...] = ()
    formats: tuple[tuple[str, str], ...] = ()
    lines: str | None = None
    unique: tuple[UniqueKey, ...] = ()
    estimated_rows: int | None = None
    reached: bool = False
    out_of_reach: str | None = None

    def arrives(self, name: str, declared: DataType) -> DataType:
        """The type in which a column arrives: text, from a text file."""
        if self.as_text:
            return DataType(name=TypeName.TEXT, native="VARCHAR")
        return declared


class TargetFacts(Struct, frozen=True, kw_only=True):
    """The target as it is; ``shape`` is None where there is no table yet.

    ``memory`` is the table of what was observed of its keys, where there is one.
    ``range_columns``: those of which a range is found without reading the whole table; None where that is all of them.
    """

    engine: str
    embedded: bool
    cheap_unique_index: bool
    stores_nan: bool
    stores_far_times: bool
    stores_nul: bool = True
    ddl_commits: bool = False
    empty_is_null: bool = False
    times_as_text: bool = False
    unstorable: str | None = None
    kept_as: tuple[tuple[TypeName, str], ...] = ()
    keeps_lengths: bool
    binary_text_order: bool = True
    sorted_digits: int | None = None
    max_columns: int
    longest_name: int | None = None
    shape: TableShape | None
    memory: TableShape | None = None
    unique: tuple[UniqueKey, ...] = ()
    range_columns: tuple[str, ...] | None = None
    estimated_rows: int | None = None


class Facts(Struct, frozen=True, kw_only=True):
    """Everything the plan rests on beside the spec; ``refused`` is SQL of the spec that the source does not take."""

    source: SourceFacts
    target: TargetFacts
    expression_types: tuple[tuple[str, DataType], ...] = ()
    expression_collations: tuple[tuple[str, str], ...] = ()
    refused: tuple[Diagnostic, ...] = ()
    boundaries: tuple[Bound, ...] = ()
    start: Watermark | None = None
    fence: Watermark | None = None
    start_ties: int | None = None
    writers: Writers | None = None
    unfilled: tuple[str, ...] = ()
    dimensions: tuple[tuple[str, TableShape], ...] = ()
    evolution: EvolutionFacts = EvolutionFacts()

    def dimension(self, column: str) -> TableShape:
        """The dimension that a column is looked up in; one without columns where it is not there."""
        return dict(self.dimensions).get(column, TableShape(columns=()))
