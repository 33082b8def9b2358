"""A chunk of which the target refuses rows: they are found, marked in the stage, and made rejects. Merges no row."""

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.engines.engine import transaction
from dmsflow.errors import RowRefused, TooManyRefused
from dmsflow.model.result import RowCounts
from dmsflow.model.spec import ScdType
from dmsflow.runtime.merge import Classes, Judged, classify, is_over_budget, judge_staged, merge_judged
from dmsflow.runtime.run import Run, Steps
from dmsflow.runtime.tally import tell_budget
from dmsflow.runtime.temporaries import empty_delta
from dmsflow.runtime.trials import WRITES, Refusal, Trials, find_next, halve

MOST_REFUSED = 10_000
"""Rows of one chunk that are looked for one by one, whatever the spec allows."""


class Isolation(Struct, kw_only=True):
    """The search for the rows of one staged chunk that the target refuses."""

    run: Run
    steps: Steps
    judged: Judged
    trials: Trials
    alone: bool
    known: int
    found: int = 0

    def is_enough(self, more: int) -> bool:
        """Whether the chunk has more rejects than the spec allows, so that the search may end."""
        rejected, read = self.known + self.found + more, self.judged.read if self.alone else 0
        return self.found + more > MOST_REFUSED or (more > 0 and is_over_budget(self.run.plan, rejected, read))

    def search(self) -> None:
        """Find the rows that are refused whatever the others are, and most of the others. Raises TooManyRefused."""
        self._keep(halve(self.trials, self.is_enough))

    def search_on(self) -> bool:
        """Find another row that is refused beside the rows before it; whether there is one. Raises TooManyRefused."""
        refusal = find_next(self.trials)
        if refusal is not None:
            self._keep([refusal])
        return refusal is not None

    def merge(self, run: Run, steps: Steps, *, alone: bool) -> RowCounts:
        """Merge the rows that are left, with a reject for each of the others."""
        empty_delta(steps)
        return merge_judged(run, steps, self.judged, alone=alone)

    def _keep(self, refusals: list[Refusal]) -> None:
        """Mark rows as refused; where they are too many, keep their rejects."""
        if not refusals:
            return
        steps, plan = self.steps, self.run.plan
        too_many = self.is_enough(len(refusals))
        with transaction(steps.session):
            for refusal in refusals:
                error = refusal.error
                column = next((name for name in plan.columns if name.lower() == (error.column or "").lower()), None)
                note = {"reason": error.reason, "column_name": column or error.column}
                steps.execute(
                    "note_refused", refused_number=refusal.number, message=plan.name_columns(error.told), **note
                )
            steps.execute("mark_refused")
            if too_many:
                steps.execute("refuse_refused")
        self.found += len(refusals)
        if too_many:
            raise TooManyRefused(self._explain(refusals[0].error)) from refusals[0].error.__cause__

    def _explain(self, first: RowRefused) -> str:
        limit = tell_budget(self.run.plan, self.known + self.found)
        if self.found > MOST_REFUSED:
            limit = f"of one chunk no more than {MOST_REFUSED:,} are looked for"
        return f"the target refuses {self.found:,} or more rows, {limit}; the first one: {first}"


def _classify(run: Run, steps: Steps, judged: Judged) -> Classes | None:
    """What the rows mean to the target; None where they are appended."""
    if run.plan.feed:
        from dmsflow.runtime.changes import classify_feed

        return classify_feed(steps, judged)
    return classify(steps, "classify") if run.plan.scd is not ScdType.APPEND else None


def begin_isolation(run: Run, steps: Steps) -> Isolation:
    """Judge and number what is staged, in the open transaction."""
    alone = len(run.plan.chunks) == 1
    judged = replace(judge_staged(run, steps, alone=alone), refused=True)
    classes = _classify(run, steps, judged)
    steps.execute("number_rows")
    if steps.has("create_refused"):
        steps.execute("create_refused")
    count = steps.count("count_numbered")
    writes = tuple(
        name
        for name, written in WRITES.items()
        if steps.has(name) and (classes is None or any(classes[it] for it in written))
    )
    known = classes["fault"] + classes["late"] if classes else judged.read - count
    trials = Trials(steps=steps, count=count, writes=writes, sk_base=run.keys.reserve(2 * count))
    return Isolation(run=run, steps=steps, judged=judged, trials=trials, alone=alone, known=known)
