"""A chunk merged without a stage: its rows are read where they are, as long as each is sound and no key repeats."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from msgspec.structs import replace

from dmsflow.engines.engine import Session
from dmsflow.errors import PermanentError
from dmsflow.model.plan import UNSOUND, Scope, Transfer
from dmsflow.model.result import RowCounts
from dmsflow.model.spec import ScdType
from dmsflow.runtime.checks import note_sound_rows
from dmsflow.runtime.guards import judge_rows
from dmsflow.runtime.merge import Classes, Found, classify, keys_are_distinct, write_classes
from dmsflow.runtime.run import Run, Steps
from dmsflow.transfer import Sessions, fill_table


class Unsound(Exception):
    """A row is a reject, or a key has several rows: the chunk has to be staged. Nothing of it may be committed."""


def merges_directly(run: Run, steps: Steps) -> bool:
    """Whether the chunk is worth a try without a stage."""
    return run.plan.direct and steps.has("fill_direct" if inserts_alone(run) else "classify_direct")


def inserts_alone(run: Run) -> bool:
    """Whether there is nothing to compare with."""
    return run.fills or run.plan.scd is ScdType.APPEND


def merge_direct(run: Run, steps: Steps, *, alone: bool, source: Session) -> RowCounts:
    """Merge what the chunk's range of the source holds; ``alone`` means that no other chunk comes. Raises Unsound."""
    with _staged_after_failing(once=not steps.has("probe_direct")):
        read = _count_ahead(replace(steps, session=source)) if steps.has("probe_direct") else None
        if read is not None and alone:
            judge_rows(run, read)
        if inserts_alone(run):
            rows = _fill(run, steps, read, source, alone=alone)
        else:
            rows = _compare(run, steps, read, alone=alone)
    note_sound_rows(run, steps, rows.read)
    return rows


def classify_directly(steps: Steps) -> Classes:
    """What the rows of the chunk's range mean to the target, with nothing written. Raises Unsound."""
    with _staged_after_failing(once=not steps.has("probe_direct")):
        if steps.has("probe_direct"):
            _count_ahead(steps)
        return classify(steps, "classify_direct")


def _count_ahead(steps: Steps) -> int:
    """The chunk's rows, where reading their keys again costs little."""
    read, distinct = keys_are_distinct(steps, "_direct")
    if not distinct:
        raise Unsound
    return read


def _fill(run: Run, steps: Steps, read: int | None, source: Session, *, alone: bool) -> RowCounts:
    """Insert every row; where nothing was counted before, what was inserted tells their number and their keys."""
    base = run.keys.reserve(read or 0)
    if run.plan.transfer is Transfer.IN_PLACE:
        inserted = steps.execute("fill_direct", sk_base=base)
    else:
        sessions = Sessions(source=source, target=steps.session, refinery=run.refinery)
        inserted = fill_table(run.plan, steps.find, partial(steps.binds, sk_base=base), sessions)
    if read is None:
        run.keys.reserve(inserted)
        if alone:
            judge_rows(run, inserted)
        if steps.has("probe_filled") and not _all_distinct(steps, "probe_filled"):
            raise Unsound
    return RowCounts(read=inserted if read is None else read, inserted=inserted)


def _compare(run: Run, steps: Steps, read: int | None, *, alone: bool) -> RowCounts:
    """One join of the source with the target, and the work that it finds."""
    plan = run.plan
    sweeps = plan.scope is Scope.SWEEP
    current = steps.count("current_rows") if sweeps or not plan.target.exists else None
    classes = classify(steps, "classify_direct")
    if read is None:
        assert current is not None
        read = _count_after(steps, classes, current)
        if alone:
            judge_rows(run, read)
    if current is not None and (sweeps or current == 0):
        unchanged = max(current - classes.live_total, 0)
    else:
        unchanged = steps.count("matched_direct") - classes.live_sound
    found = Found(classes=classes, read=read, current=current, unchanged=unchanged)
    return write_classes(run, steps, found, alone=alone)


def _count_after(steps: Steps, classes: Classes, current: int) -> int:
    """The chunk's rows: as many as the keys that the join has met, or else a key repeats.

    The join tells how many keys of the target the source has, as long as none is current twice; with those that are
    not current in the target, they are the distinct keys of the source. It has no fewer rows than those, and no more
    than it has lines: where both are equal, no key repeats; else the rows are counted.
    """
    if not (_all_distinct(steps, "probe_current") and _all_distinct(steps, "probe_delta")):
        raise Unsound
    brought = [name for name in classes.rows if name != "gone"]
    keys = current - classes.live["gone"] + sum(classes.rows[name] - classes.live[name] for name in brought)
    if steps.count("count_lines") != keys and steps.count("count_direct") != keys:
        raise Unsound
    return keys


def _all_distinct(steps: Steps, name: str) -> bool:
    """Whether no key repeats among the rows that a probe looks at."""
    rows, _, distinct = (int(value or 0) for value in steps.fetch(name)[0])  # type: ignore[arg-type]
    return rows == distinct


@contextmanager
def _staged_after_failing(*, once: bool) -> Iterator[None]:
    """An unsound row sends the chunk to the stage. So does any lasting error where rows are read ``once``.

    There a row may break a constraint before a key is known to repeat; the stage tells whose error it is.
    """
    try:
        yield
    except PermanentError as error:
        if once or UNSOUND in str(error):
            raise Unsound from error
        raise
