"""One chunk's rows into the target: staged, judged, classified, written, counted. Opens no transaction."""

from collections import defaultdict
from collections.abc import Mapping

from msgspec import Struct

from dmsflow.errors import PromiseBroken
from dmsflow.model.checks import CheckOn
from dmsflow.model.deletes import DeleteScope
from dmsflow.model.plan import Plan, Scope
from dmsflow.model.result import RowCounts
from dmsflow.model.spec import Deletes, ScdType
from dmsflow.runtime.checks import judge_checks
from dmsflow.runtime.guards import NOTHING_WRITTEN, judge_changes, judge_gone, judge_rows
from dmsflow.runtime.run import Run, Steps

VERIFIED = ("new", "version", "gone", "correct")
"""The classes whose keys are looked at again after they are written; where there are none, no key was touched."""
CHANGING = ("version", "update", "correct")
DELETES = ("delete_gone", "flag_gone", "close_gone", "bury_gone")


class Classes(Struct, frozen=True, kw_only=True):
    """Rows by class, and how many of each met a live current version."""

    rows: dict[str, int]
    live: dict[str, int]

    def __getitem__(self, name: str) -> int:
        return self.rows.get(name, 0)

    @property
    def live_total(self) -> int:
        """Live current versions that something happens to."""
        return sum(self.live.values())

    @property
    def live_sound(self) -> int:
        """Live current versions met by sound rows that change something."""
        return sum(count for name, count in self.live.items() if name not in ("fault", "gone"))

    @property
    def changed(self) -> int:
        """Live current versions that are written over, or followed by another one."""
        return sum(self.live.get(name, 0) for name in CHANGING)


class Judged(Struct, frozen=True, kw_only=True):
    """Staged rows of which at most one sound one is left of every key. ``refused``: the target has refused some."""

    read: int
    distinct: bool
    collapsed: int = 0
    refused: bool = False


class Found(Struct, frozen=True, kw_only=True):
    """What a chunk's rows mean to the target, before anything is written."""

    classes: Classes
    read: int
    current: int | None
    unchanged: int
    collapsed: int = 0
    refused: bool = False


def merge_staged(run: Run, steps: Steps, *, alone: bool) -> RowCounts:
    """Merge what is staged; ``alone`` means that no other chunk will come."""
    judged = judge_staged(run, steps, alone=alone)
    return merge_judged(run, steps, judged, alone=alone)


def judge_staged(run: Run, steps: Steps, *, alone: bool) -> Judged:
    """Count the staged rows, and settle those that share a key."""
    read, distinct = keys_are_distinct(steps)
    if alone:
        judge_rows(run, read)
    judged = Judged(read=read, distinct=distinct, collapsed=0 if distinct else _resolve_duplicates(steps))
    if run.plan.checks:
        places = (CheckOn.ROW, CheckOn.STAGED)
        judge_checks(run, steps, *places, done=NOTHING_WRITTEN, next_step="correct the source, or the check")
    return judged


def merge_judged(run: Run, steps: Steps, judged: Judged, *, alone: bool) -> RowCounts:
    """Merge staged rows that are judged."""
    plan = run.plan
    if plan.feed:
        from dmsflow.runtime.changes import merge_feed

        return merge_feed(run, steps, judged)
    if plan.scd is ScdType.APPEND or (run.fills and not judged.refused and plan.within is not DeleteScope.COLUMN):
        return fill(run, steps, judged)
    current = steps.count("current_rows") if plan.scope is Scope.SWEEP or not plan.target.exists else None
    classes = classify(steps, "classify")
    found = Found(
        classes=classes,
        read=judged.read,
        current=current,
        unchanged=_count_unchanged(plan, steps, classes, current, doubtful=not judged.distinct),
        collapsed=judged.collapsed,
        refused=judged.refused,
    )
    return write_classes(run, steps, found, alone=alone)


def write_classes(run: Run, steps: Steps, found: Found, *, alone: bool) -> RowCounts:
    """Do what the classes say, and check that it was done."""
    classes, current = found.classes, found.current
    if alone:
        _judge_shares(run, steps, found)
    if run.witness:
        run.witness.classified(steps, classes.rows)
    rejected = steps.execute("reject") if classes["fault"] or classes["late"] else 0
    if found.refused:
        rejected += steps.execute("reject_refused")
    expect("rejected", rejected, classes["fault"] + classes["late"])
    updated = _overwrite(steps, classes)
    _write_versions(run, steps, classes)
    rewritten = rewrite_closed(steps, classes.rows)
    closed = _handle_gone(run, steps, classes, (rejected, found.read), current or 0, alone=alone)
    if current != 0 and any(classes[name] for name in VERIFIED):
        verify_history(steps)
    return RowCounts(
        read=found.read,
        inserted=classes["new"],
        versioned=classes["version"],
        updated=updated,
        unchanged=found.unchanged,
        collapsed=found.collapsed,
        rejected=rejected,
        closed=closed,
        rewritten=rewritten,
    )


def keys_are_distinct(steps: Steps, suffix: str = "") -> tuple[int, bool]:
    """How many rows there are, and whether no two of them share a key."""
    if steps.has(f"climbs{suffix}"):
        read, climbs = (int(value or 0) for value in steps.fetch(f"climbs{suffix}")[0])  # type: ignore[arg-type]
        if climbs >= read - 1:
            return read, True
    read, whole, distinct = (int(value or 0) for value in steps.fetch(f"probe{suffix}")[0])  # type: ignore[arg-type]
    return read, distinct == whole


def fill(run: Run, steps: Steps, judged: Judged) -> RowCounts:
    """Insert every sound row, compared with nothing; the others are refused."""
    read, collapsed = judged.read, judged.collapsed
    if run.witness:
        run.witness.filling(steps)
    inserted = steps.execute("fill", sk_base=run.keys.reserve(read - collapsed))
    refuse = "refuse_refused" if judged.refused else "refuse"
    rejected = steps.execute(refuse) if inserted + collapsed < read else 0
    return RowCounts(read=read, inserted=inserted, collapsed=collapsed, rejected=rejected)


def _resolve_duplicates(steps: Steps) -> int:
    """Leave one sound row of every key; the number of rows that collapsed into another."""
    collapsed = steps.execute("collapse")
    if steps.has("keep_last"):
        steps.execute("refuse_ties")
        return collapsed + steps.execute("keep_last")
    steps.execute("refuse_duplicates")
    return collapsed


def classify(steps: Steps, statement: str) -> Classes:
    """Give every row that needs something done its class."""
    steps.execute(statement)
    for name in ("find_returning", "refuse_early_return"):
        if steps.has(name):
            steps.execute(name)
    rows: dict[str, int] = defaultdict(int)
    live: dict[str, int] = defaultdict(int)
    for found, count, met in steps.fetch("count_classes"):
        rows[str(found)], live[str(found)] = int(count), int(met or 0)  # type: ignore[arg-type]
    return Classes(rows=rows, live=live)


def _count_unchanged(plan: Plan, steps: Steps, classes: Classes, current: int | None, *, doubtful: bool) -> int:
    """Rows that met a live version and changed nothing, counted from the target's side where that is exact."""
    whole = plan.scope is Scope.SWEEP and plan.within is DeleteScope.SOURCE
    if whole and current is not None and not doubtful and not classes["fault"]:
        return current - classes.live_total
    if current == 0 and plan.within is not DeleteScope.COLUMN:
        return 0
    return steps.count("matched") - classes.live_sound


def _overwrite(steps: Steps, classes: Classes) -> int:
    """Overwrite in place: what the policies allow, and late rows that may correct."""
    updated = 0
    for name, statement in (("update", "overwrite"), ("correct", "correct")):
        if classes[name]:
            wrote = steps.execute(statement)
            expect(statement, wrote, classes[name])
            updated += wrote
    return updated


def _write_versions(run: Run, steps: Steps, classes: Classes) -> None:
    """Close what ends, insert what begins."""
    if classes["version"]:
        expect("closed", steps.execute("close"), classes["version"])
    apart = classes["version"] if steps.has("insert_versions") else 0
    for name, begun in (("insert", classes["new"] + classes["version"] - apart), ("insert_versions", apart)):
        if begun:
            expect("inserted", steps.execute(name, sk_base=run.keys.reserve(begun)), begun)


def rewrite_closed(
    steps: Steps, rows: Mapping[str, int], statement: str = "rewrite", learn: str = "learn_delta"
) -> int:
    """Bring the closed versions of what was written to the columns that all versions share; how many have changed."""
    if not (steps.has(statement) and any(rows.get(name) for name in ("new", *CHANGING))):
        return 0
    if steps.has(learn):
        steps.execute(learn)
    return steps.execute(statement)


def _handle_gone(run: Run, steps: Steps, classes: Classes, share: tuple[int, int], current: int, *, alone: bool) -> int:
    """Close gone keys now when this is the only chunk, else keep them until all chunks are done (law 27).

    ``share`` are the rows rejected and the rows read: beyond the budget the run fails, and closes nothing.
    """
    plan, gone = run.plan, classes["gone"]
    if plan.deletes == Deletes.IGNORE or not gone:
        return 0
    if not alone:
        expect("kept as gone", steps.execute("keep_gone"), gone)
        return 0
    if is_over_budget(plan, *share):
        return 0
    if plan.within is DeleteScope.COLUMN:
        current = steps.count("current_total")
    judge_gone(run, gone, current, NOTHING_WRITTEN)
    return delete_gone(run, steps, gone)


def delete_gone(run: Run, steps: Steps, gone: int) -> int:
    """Act on the gone keys of the delta."""
    for name in DELETES:
        if steps.has(name):
            base = run.keys.reserve(gone) if name == "bury_gone" else 0
            expect(name, steps.execute(name, sk_base=base), gone)
    return gone


def _judge_shares(run: Run, steps: Steps, found: Found) -> None:
    """Let the guards look at what the only chunk would do, before it writes."""
    if run.plan.guards.max_change_percent is None:
        return
    classes, plan = found.classes, run.plan
    doomed = is_over_budget(plan, classes["fault"] + classes["late"], found.read)
    current = steps.count("current_total") if found.current is None else found.current
    judge_changes(run, classes.changed, 0 if doomed else classes["gone"], current)


def is_over_budget(plan: Plan, rejected: int, read: int) -> bool:
    """Whether there are more rejects than the spec allows."""
    limit, percent = plan.errors.max_rows, plan.errors.max_percent
    if limit is not None and rejected > limit:
        return True
    return percent is not None and read > 0 and 100 * rejected / read > percent


def verify_history(steps: Steps, name: str = "verify") -> None:
    """Law 18 on the keys just touched. Raises PromiseBroken."""
    doubled, inverted = (int(value or 0) for value in steps.fetch(name)[0])  # type: ignore[arg-type]
    if doubled:
        raise PromiseBroken(
            f"{doubled} keys have more than one current row in the target: remove the surplus ones first"
        )
    if inverted:
        raise PromiseBroken(f"{inverted} versions would end before they start: the target holds versions of the future")


def verify_chain(steps: Steps, name: str) -> None:
    """Law 18 on the keys just touched. Raises PromiseBroken."""
    doubled, wrong = (int(value or 0) for value in steps.fetch(name)[0])  # type: ignore[arg-type]
    if doubled:
        raise PromiseBroken(f"{doubled} keys have more than one current row in the target: remove the surplus first")
    if wrong:
        raise PromiseBroken(f"{wrong} versions would overlap: the target holds versions that dmsflow did not write")


def expect(what: str, wrote: int, planned: int) -> None:
    """Raise PromiseBroken where a statement wrote other rows than it should."""
    if wrote != planned:
        raise PromiseBroken(f"{what}: {wrote:,} rows written where {planned:,} were classified")
