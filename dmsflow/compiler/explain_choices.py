"""The choices of a plan in words: what was chosen, and why. Chooses nothing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dmsflow.compiler.chunking import Cut
from dmsflow.compiler.writers import writers_choices
from dmsflow.model.deletes import DeleteScope
from dmsflow.model.plan import CheckpointPlan, Decision, Scope, Transfer
from dmsflow.model.spec import Deletes, ScdType, Strategy, UniqueIndex

if TYPE_CHECKING:
    from dmsflow.compiler.build import Builder


GONE = {
    DeleteScope.SOURCE: "gone keys are",
    DeleteScope.WHERE: "keys that are gone from a part of the target are",
    DeleteScope.PARTITION: "keys that are gone from the partitions that arrive are",
    DeleteScope.COLUMN: "keys that the source marks as deleted are",
}


def explain_choices(builder: "Builder", workers: int, why_workers: str) -> tuple[Decision, ...]:
    """Every choice, in the order in which a person asks."""
    return (
        _transfer(builder),
        _staging(builder),
        _merge(builder),
        chunk_choice(builder.cut),
        worker_choice(workers, why_workers),
        *checkpoint_choices(builder.checkpoint),
        *writers_choices(builder.facts.writers),
        *_lookups(builder),
        *_feed(builder),
        *_everywhere(builder),
        *_deletes(builder),
        *_guards(builder),
        *_uniqueness(builder),
        *_snapshot(builder),
    )


def _transfer(builder: "Builder") -> Decision:
    return Decision(about="transfer", choice=builder.transfer, why=builder.route.why)


def _staging(builder: "Builder") -> Decision:
    if builder.reading == "again" and builder.transfer is Transfer.COPY:
        known = "the source keeps its keys apart" if builder.merge.keyed else "append compares nothing"
        why = f"{known} and the table is new: rows go straight into it"
        return Decision(about="staging", choice="none", why=why)
    if builder.reading == "again":
        why = "the source can be read again cheaply, so only rows that need something done are kept"
        return Decision(about="staging", choice="none", why=why)
    if builder.reading == "once":
        why = (
            "the source is read once, straight into the target; it is staged where a row is not sound or a key repeats"
        )
        return Decision(about="staging", choice="on demand", why=why)
    if builder.cut.counted:
        why = "each chunk's rows are counted off, and inserted from there"
        return Decision(about="staging", choice="temporary table", why=why)
    # Imported late: a plan that was made before is told without SQL.
    from dmsflow.compiler.check_sql import asks_the_stage

    reason = "the source is read once" if builder.transfer is Transfer.IN_PLACE else "rows come from another database"
    if builder.merge.lookups:
        reason = "keys are looked up for staged rows"
    if builder.spec.scd.within.scopes or asks_the_stage(builder.spec):
        reason = "a check, or the scope of deletes, looks at staged rows"
    return Decision(about="staging", choice="temporary table", why=f"{reason}, then compared where they are")


def _merge(builder: "Builder") -> Decision:
    if builder.spec.scd.type is ScdType.APPEND:
        return Decision(about="merge", choice="insert", why="append compares nothing")
    how = {
        Scope.SWEEP: "one full join per chunk range finds new, changed and gone keys",
        Scope.ARRIVALS: "one join finds the keys that arrive; keys that do not arrive are left alone",
    }[builder.merge.scope]
    choice = "per-chunk" if builder.cut.count > 1 else "once"
    return Decision(about="merge", choice=choice, why=how)


def _lookups(builder: "Builder") -> Iterator[Decision]:
    for lookup in builder.merge.lookups:
        which = f"as of {lookup.told[-1]}" if lookup.at else "as it is now"
        why = f"for {lookup.column} staged rows are joined with {lookup.dimension}, {which}, as each chunk finds it"
        yield Decision(about="lookup", choice=lookup.dimension, why=why)


def _feed(builder: "Builder") -> Iterator[Decision]:
    if not builder.merge.feed:
        return
    why = "the last row of each key is compared with the target"
    if builder.merge.history:
        why = "the rows of a key are chained to versions in one pass, from the one that is stored"
    yield Decision(about="grain", choice="changes", why=why)
    if builder.spec.remembers:
        from dmsflow.compiler.feeds import say_window

        window = builder.spec.scd.window
        kept = f"the rows of {say_window(window)}" if window else "every row"
        why = f"{kept} and the last one of each key are remembered, to make the history of a key again where it is late"
        yield Decision(about="late rows", choice="insert", why=why)


def _everywhere(builder: "Builder") -> Iterator[Decision]:
    names = ", ".join(builder.merge.everywhere)
    if names:
        why = f"every version of a key has the latest {names}: where a key is written, its closed versions are as well"
        yield Decision(about="closed versions", choice="rewritten", why=why)


def chunk_choice(cut: Cut) -> Decision:
    """How many chunks."""
    return Decision(about="chunks", choice=f"{cut.count}" if cut.count > 1 else "one", why=cut.why)


def worker_choice(workers: int, why: str) -> Decision:
    """How many threads."""
    return Decision(about="workers", choice=str(workers), why=why)


def checkpoint_choices(checkpoint: CheckpointPlan) -> Iterator[Decision]:
    """Where the run starts and ends."""
    if checkpoint.strategy == Strategy.PYTHON:
        why = "every run reads everything; a broken one counts off the rows that are loaded, and goes on behind them"
        yield Decision(about="checkpoint", choice="python", why=why)
        return
    if not checkpoint.columns:
        yield Decision(about="checkpoint", choice="none", why="every run reads everything")
        return
    start = f"from {checkpoint.start}" if checkpoint.start else "from the beginning"
    again = " (read again: the merge makes that harmless)" if checkpoint.start and checkpoint.inclusive else ""
    fence = f"to {checkpoint.fence}" if checkpoint.fence else "nothing: there is no row yet that it could end at"
    yield Decision(about="checkpoint", choice=f"key ({', '.join(checkpoint.columns)})", why=f"{start}{again} {fence}")


def _deletes(builder: "Builder") -> Iterator[Decision]:
    if builder.spec.scd.deletes is Deletes.IGNORE:
        return
    if builder.merge.feed:
        yield Decision(
            about="deletes", choice=builder.spec.scd.deletes, why="where a row says that its key was deleted"
        )
        return
    when = "in the same transaction" if builder.cut.count == 1 else "after the last chunk, in one transaction"
    gone = GONE[builder.spec.scd.within.scope]
    why = f"{gone} handled {when}, within the guards"
    yield Decision(about="deletes", choice=builder.spec.scd.deletes, why=why)


def _guards(builder: "Builder") -> Iterator[Decision]:
    """Only where several chunks make it a choice."""
    if builder.cut.count == 1 or not builder.merge.keyed or not builder.spec.guards.count_shares:
        return
    if builder.spec.guards.count_first:
        why = "the spec limits a share, so all chunks are compared with the target before one writes: read twice"
        yield Decision(about="guards", choice="counted first", why=why)
        return
    why = "rows before the first chunk, the share of gone keys before the first is closed; a written limit comes first"
    yield Decision(about="guards", choice="at the end", why=why)


def _uniqueness(builder: "Builder") -> Iterator[Decision]:
    if not builder.merge.keyed:
        return
    from dmsflow.compiler.uniqueness import keeps_key, makes_unique_index

    if keeps_key(builder) or makes_unique_index(builder):
        yield Decision(about="uniqueness", choice="unique index", why="the database keeps one current row per key")
        return
    slow = "an index would slow every write of this database down"
    kept = "the indexes of a table that is there already stay as they are"
    unwanted = "the spec wants no index" if builder.spec.target.unique_index is UniqueIndex.NEVER else slow
    reason = kept if builder.facts.target.cheap_unique_index and builder.facts.target.shape else unwanted
    why = f"{reason}; the keys a chunk touched are checked before it commits"
    yield Decision(about="uniqueness", choice="checked", why=why)


def _snapshot(builder: "Builder") -> Iterator[Decision]:
    if builder.cut.count == 1:
        return
    if builder.cut.counted:
        why = "all chunks come from one reading of the source; a resumed run reads again, and compares what it skips"
        yield Decision(about="snapshot", choice="one reading", why=why)
        return
    if builder.facts.source.embedded:
        yield Decision(about="snapshot", choice="file", why="an embedded source is held open while the run reads it")
        return
    if builder.reads_snapshot:
        why = "all chunks read the state that the source had when the run began, also where others write to it"
        yield Decision(about="snapshot", choice="exported", why=why)
        return
    why = "chunks read the source one after another, each as it is then"
    needs = builder.facts.source.snapshot_needs
    yield Decision(about="snapshot", choice="none", why=f"{why}; {needs}" if needs else why)
