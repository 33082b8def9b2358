"""On which terms a target was loaded, and is loaded now: policies, the end of current versions, the key. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from dmsflow.compiler.columns import DEFAULT_POLICY, LoadedColumn, match_columns
from dmsflow.compiler.evolution.difference import Difference
from dmsflow.compiler.table_rules import column_path
from dmsflow.model.deletes import DeleteScope
from dmsflow.model.evolution import Allowance, Change, OpenEnd, Outcome, Terms
from dmsflow.model.facts import Facts
from dmsflow.model.previous import find_previous
from dmsflow.model.spec import PipelineSpec, Policy, ScdType

Names = dict[str, str]
FOLLOWED = (Policy.OVERWRITE, Policy.VERSION, Policy.PREVIOUS)
"""The policies by which the table has the source's value after every run."""

MEANS = {
    Policy.VERSION: "makes a version",
    Policy.OVERWRITE: "overwrites the current version",
    Policy.PREVIOUS: "overwrites the current version, and its value before is kept",
    Policy.KEEP: "is not taken over",
    Policy.IGNORE: "waits for the next version",
}


def write_end(spec: PipelineSpec) -> str | None:
    """The end of a current version as it is kept."""
    end = spec.scd.open_end
    return None if end is None else end.isoformat()


def say_end(end: str | None) -> str:
    """An end as a person writes it in a spec: without a time where that is midnight."""
    if end is None:
        return "NULL"
    day, _, time = end.replace("T", " ").partition(" ")
    return f"{day} {time}" if time.strip("0:.") else day


def make_terms(spec: PipelineSpec, facts: Facts, differences: Sequence[Difference], unfilled: Iterable[str]) -> Terms:
    """The terms of a run of this spec, which leaves columns unfilled."""
    left = (it.column for it in differences if it.change is Change.DROP and it.outcome is Outcome.KEPT)
    return Terms(
        scd=spec.scd.type.value,
        key=spec.key,
        columns=tuple((column.name, policy_of(spec, column).value) for column in match_columns(spec, facts)),
        previous=tuple(name for kept in find_previous(spec.columns) for name in kept.names),
        left=tuple(name for name in left if name),
        unfilled=tuple(sorted(unfilled)),
        open_end=write_end(spec) if spec.scd.type is ScdType.HISTORY else None,
    )


def taken_names(spec: PipelineSpec, facts: Facts) -> Names:
    """What columns became in a run that did not come to its end: the table has their new names, the terms do not."""
    terms, stands = facts.evolution.terms, facts.evolution.stands
    if terms is None or stands is None:
        return {}
    told = {name.lower(): name for name in (*(name for name, _ in terms.columns), *terms.left, *terms.key)}
    return {
        told[column.was.lower()]: column.name
        for column in spec.columns
        if column.was
        and column.was.lower() in told
        and column.name.lower() not in told
        and stands.find(column.was) is None
    }


def policy_of(spec: PipelineSpec, column: LoadedColumn) -> Policy:
    """What the spec says to a change of a column."""
    return column.spec.policy or DEFAULT_POLICY[spec.scd.type]


def find_policies(spec: PipelineSpec, facts: Facts, names: Names) -> Iterator[Difference]:
    """Columns a change of which meant something else to the last run."""
    terms = facts.evolution.terms
    if terms is None or terms.scd != spec.scd.type.value:
        return
    known = {names.get(name, name).lower(): Policy(policy) for name, policy in terms.columns}
    left = {names.get(name, name).lower() for name in terms.left}
    for column in match_columns(spec, facts):
        before, now = known.get(column.name.lower()), policy_of(spec, column)
        if column.name in spec.key:
            continue
        if column.name.lower() in left and now in (Policy.VERSION, Policy.PREVIOUS):
            yield _judge_policy(spec, facts, column, Policy.KEEP, now, left=True)
        elif before is not None and before is not now:
            yield _judge_policy(spec, facts, column, before, now)


def _judge_policy(
    spec: PipelineSpec, facts: Facts, column: LoadedColumn, before: Policy, now: Policy, *, left: bool = False
) -> Difference:
    told = Difference(
        change=Change.POLICY,
        outcome=Outcome.APPLIED,
        column=column.name,
        before=before.value,
        after=now.value,
        what=f'a change of "{column.name}" {MEANS[now]}; before, it {_past(before)}',
        why="from this run on; versions that are there stay as they are",
        path=column_path(spec, column.name),
    )
    if before in FOLLOWED or now not in FOLLOWED:
        return told
    way, back = ("left out", "leave it out") if left else (f"scd: {before}", f"write scd: {before}")
    message = f'column "{column.name}" was not followed ({way}), so that each value it missed would be a change'
    if spec.remembers or (spec.is_feed and now is Policy.VERSION):
        # Its rows are compared with the versions of their time, of which none has what was missed.
        told_again = f"{message}, which rows of the feed that are told again would contradict"
        return told.refused("DMS374", told_again, f"{back}, or load it into a column of another name")
    if spec.target.evolve.policy is Allowance.REFUSE:
        help = f"{back}, or set target.evolve: {{policy: apply}}: values are then overwritten, once"
        return told.refused("DMS374", message, help)
    if now is Policy.PREVIOUS:
        help = "write scd: 1 for one run, with target.evolve: {policy: apply}, and scd: 3 afterwards"
        return told.refused("DMS374", f"{message}, and be kept as one that was before", help)
    by_key = spec.checkpoint.by_key and facts.start is not None
    if by_key or spec.scd.within.scope is not DeleteScope.SOURCE:
        how = 'run "dmsflow checkpoint reset" first' if by_key else "write deletes: ignore for it"
        alone = f"{message}, and this run reads a part of the source alone"
        return told.refused("DMS374", alone, f"let one run read everything: {how}")
    return told.made(told.what, "this run overwrites what current versions missed; from the next one on it counts")


def _past(policy: Policy) -> str:
    words = {Policy.VERSION: "made one", Policy.OVERWRITE: "overwrote it", Policy.PREVIOUS: "overwrote it"}
    return words.get(policy, "did nothing")


def settles(difference: Difference) -> bool:
    """Whether this run brings a column up to date, in place."""
    begins = difference.before in (Policy.KEEP, Policy.IGNORE) and difference.after in FOLLOWED
    return difference.change is Change.POLICY and difference.applied and begins


TYPE_MEANS = {
    ScdType.KEEP: "from this run on a row stays as it is",
    ScdType.OVERWRITE: "this run overwrites what differs, in place",
}

IN_PLACE = {ScdType.KEEP, ScdType.OVERWRITE}
"""The types of a table that has one row of each key, as it is now."""


def find_type(spec: PipelineSpec, facts: Facts) -> Iterator[Difference]:
    """Another type than that of the last run, which found its rows otherwise, and wrote others."""
    terms, now = facts.evolution.terms, spec.scd.type
    if terms is None or terms.scd == now.value:
        return
    before = ScdType(terms.scd)
    told = Difference(
        change=Change.TYPE,
        outcome=Outcome.APPLIED,
        before=before.value,
        after=now.value,
        what=f"the table is loaded as type {now}, not {before}",
        why=f"both have one row of each key; {TYPE_MEANS.get(now)}",
        path=("scd", "type"),
    )
    if {before, now} == IN_PLACE:
        yield told
        return
    message = f"{spec.target.table} was loaded as type {before}, the spec says type {now}"
    yield told.refused("DMS376", message, f"restore type: {before}, or load into a new table")


def asks_open_ends(spec: PipelineSpec, terms: Terms | None) -> bool:
    """Whether the ends of current versions may be others than the spec's; where nobody knows, only on request."""
    if spec.scd.type is not ScdType.HISTORY:
        return False
    if terms is None:
        return spec.target.evolve.open_end is Allowance.APPLY
    return terms.open_end != write_end(spec)


def find_open_end(spec: PipelineSpec, facts: Facts) -> Iterator[Difference]:
    """Current versions that end otherwise than the spec's do."""
    found = facts.evolution.open_ends
    if not found:
        return
    rows, end = sum(one.rows for one in found), say_end(write_end(spec))
    ends = " and ".join(say_end(one.end) for one in found)
    told = Difference(
        change=Change.OPEN_END,
        outcome=Outcome.APPLIED,
        before=ends,
        after=end,
        what=f"{_count(rows, 'current version')} with the end {ends} get {end}",
        why="the end of a current version is the spec's; closed versions stay as they are",
        path=("scd", "open_end"),
        rows=rows,
    )
    yield _judge_open_end(spec, facts, told, found)


def _judge_open_end(spec: PipelineSpec, facts: Facts, told: Difference, found: tuple[OpenEnd, ...]) -> Difference:
    message = (
        f"{_count(told.rows or 0, 'current version')} of {spec.target.table} end at {told.before}, not {told.after}"
    )
    if len(found) > 1:
        return told.refused("DMS373", message, "correct them by hand: more than one end is no open end")
    if not facts.evolution.takes_null_end and spec.scd.open_end is None:
        return told.refused("DMS373", message, f"write open_end: {told.before}: the column takes no NULL")
    if spec.target.evolve.open_end is Allowance.REFUSE:
        help = f"write open_end: {'null' if told.before == 'NULL' else told.before}"
        return told.refused("DMS373", message, f"{help}, or set target.evolve: {{open_end: apply}}")
    return told


def has_other_key(spec: PipelineSpec, terms: Terms | None, names: Names) -> bool:
    """Whether rows were found by another key; the order of its columns means nothing."""
    if terms is None or not terms.key or not spec.key:
        return False
    return {names.get(name, name).lower() for name in terms.key} != {name.lower() for name in spec.key}


def find_key(spec: PipelineSpec, facts: Facts, names: Names) -> Iterator[Difference]:
    """Another key than the one by which the last run found its rows."""
    terms = facts.evolution.terms
    if terms is None or not has_other_key(spec, terms, names):
        return
    before, after = ", ".join(terms.key), ", ".join(spec.key)
    told = Difference(
        change=Change.KEY,
        outcome=Outcome.APPLIED,
        before=before,
        after=after,
        what=f"the key is ({after}), not ({before})",
        why="it is unique among the current versions, each of which is found by it; closed ones stay as they are",
        path=("key",),
    )
    message = f"the key of {spec.target.table} was ({before}), the spec says ({after})"
    repeated, keyless = facts.evolution.repeated, facts.evolution.keyless
    if spec.target.evolve.key is Allowance.REFUSE:
        yield told.refused("DMS375", message, "restore the key, or set target.evolve: {key: apply}")
    elif repeated is None or keyless is None:
        yield told.refused("DMS375", message, "a key is of columns that the table has already")
    elif repeated or keyless:
        doubled = f"{_count(repeated, 'key')} would have several current versions, {keyless:,} a NULL"
        yield told.refused("DMS375", f"{message}: {doubled}", "restore the key, or correct these rows")
    else:
        yield told


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
