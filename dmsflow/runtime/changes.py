"""One chunk of a feed into the target: a key's rows made versions, or reduced to the last one. Opens no transaction."""

from collections import defaultdict

from msgspec import Struct

from dmsflow.model.result import RowCounts
from dmsflow.model.spec import ScdType
from dmsflow.runtime.merge import Classes, Judged, classify, expect, fill, rewrite_closed, verify_chain, verify_history
from dmsflow.runtime.run import Run, Steps


class Chained(Struct, frozen=True, kw_only=True):
    """The rows of a chain by class. ``stored``: how many of each have a stored version of their key.

    ``closes``: how many stored versions end where a row says.
    """

    classes: Classes
    closes: int
    stored: dict[str, int]


def merge_feed(run: Run, steps: Steps, judged: Judged) -> RowCounts:
    """Merge staged rows of which no two sound ones share key and instant, or, without history, key."""
    remembers = run.plan.feed is not None and run.plan.feed.remembers
    if run.fills and judged.distinct and steps.has("fill") and not (judged.refused or remembers):
        return fill(run, steps, judged)
    rejected = steps.execute("refuse_refused" if judged.refused else "refuse")
    if remembers:
        from dmsflow.runtime.replay import replay_late

        late = replay_late(run, steps)
        merged = _merge_chain(run, steps, judged, rejected) + late
        steps.execute("remember")
        return merged
    if run.plan.scd is ScdType.HISTORY:
        return _merge_chain(run, steps, judged, rejected)
    return _merge_last(run, steps, judged, rejected)


def classify_feed(steps: Steps, judged: Judged) -> Classes:
    """What the staged rows mean to the target."""
    return _chain(steps, judged).classes if steps.has("chain") else classify(steps, "classify_last")


def _merge_last(run: Run, steps: Steps, judged: Judged, rejected: int) -> RowCounts:
    """The last row of every key, into a target without history."""
    classes = classify(steps, "classify_last")
    unchanged = steps.count("count_met") - classes.live_total + classes["unchanged"]
    if run.witness:
        run.witness.classified(steps, classes.rows)
    if classes["update"]:
        expect("overwrite", steps.execute("overwrite"), classes["update"])
    if classes["gone"]:
        expect("remove", steps.execute("remove"), classes["gone"])
    if classes["new"]:
        expect("inserted", steps.execute("insert", sk_base=run.keys.reserve(classes["new"])), classes["new"])
        verify_history(steps)
    return RowCounts(
        read=judged.read,
        inserted=classes["new"],
        updated=classes["update"] + classes["gone"],
        unchanged=unchanged,
        collapsed=judged.collapsed,
        rejected=rejected,
        closed=classes["gone"],
    )


def _merge_chain(run: Run, steps: Steps, judged: Judged, rejected: int) -> RowCounts:
    """The rows of every key as versions that follow one another."""
    chained = _chain(steps, judged)
    classes = chained.classes
    unchanged = classes["unchanged"]
    if judged.distinct:
        unchanged += steps.count("count_met") - classes.live_total
    if classes["late"]:
        expect("rejected", steps.execute("reject"), classes["late"])
    if run.witness:
        run.witness.classified(steps, classes.rows)
    _write(run, steps, chained)
    rewritten = rewrite_closed(steps, classes.rows)
    return RowCounts(
        read=judged.read,
        inserted=classes["new"],
        versioned=classes["version"],
        updated=classes["update"] + classes["end"],
        unchanged=unchanged,
        collapsed=judged.collapsed + classes["collapsed"],
        rejected=rejected + classes["late"],
        closed=classes["end"],
        rewritten=rewritten,
    )


def _chain(steps: Steps, judged: Judged) -> Chained:
    """Give every row that needs something done its class; where keys have several rows, every row."""
    steps.execute("chain_single" if judged.distinct else "chain")
    chained = _count(steps)
    if chained.classes["late"] and steps.execute("settle_known"):
        return _count(steps)
    return chained


def _count(steps: Steps) -> Chained:
    rows: dict[str, int] = defaultdict(int)
    live: dict[str, int] = defaultdict(int)
    stored: dict[str, int] = defaultdict(int)
    closes = 0
    for found, *counts in steps.fetch("count_chain"):
        name = str(found)
        rows[name], live[name], first, stored[name] = (int(count or 0) for count in counts)  # type: ignore[arg-type]
        closes += first
    return Chained(classes=Classes(rows=rows, live=live), closes=closes, stored=stored)


def _write(run: Run, steps: Steps, chained: Chained) -> None:
    """Overwrite, close what ends, insert what begins; and look at the keys again."""
    classes = chained.classes
    if classes["update"]:
        expect("overwrite", steps.execute("overwrite"), classes["update"])
    if chained.closes:
        expect("closed", steps.execute("close"), chained.closes)
    begins = ("new", "version", "end") if run.plan.deletes == "tombstone" else ("new", "version")
    count = sum(classes[name] for name in begins)
    apart = sum(chained.stored[name] for name in begins) if steps.has("insert_versions") else 0
    for name, begun in (("insert", count - apart), ("insert_versions", apart)):
        if begun:
            expect("inserted", steps.execute(name, sk_base=run.keys.reserve(begun)), begun)
    if count or chained.closes:
        verify_chain(steps, "verify")
