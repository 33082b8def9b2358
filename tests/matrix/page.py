"""Writes the torture matrix: each case with its input, the history that is stored and the one that is expected."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import yaml

from dmsflow.compiler.compose import Node
from dmsflow.rehearsal.given import cell_text
from dmsflow.rehearsal.judge import write_cell
from tests.matrix.cases import ELSEWHERE, FOLDER, Case, Ran

PAGE = FOLDER.parents[1] / "docs" / "reference" / "torture-matrix.md"
LAWS = {
    18: "A key has at most one current version; no version is empty, none overlaps, one ends where the next begins.",
    19: "A run has one instant, in UTC: what it closes ends where what it inserts begins.",
    20: "Closed versions are never rewritten.",
    21: "Values and keys are compared column by column, NULL like a value, as the target stores them.",
    22: "A hash, or values that are strung together, never decide whether there is a change.",
    23: "Of several rows of a key, none is taken at random.",
    24: "A NULL in a key is a reject.",
    25: "A row older than the current version is a reject, unless the spec says otherwise; none is dropped in silence.",
    26: "A key that comes back begins a new version, and the gap stays visible.",
    27: "A key is closed only after a full read, and within the guards.",
    28: "A new column makes no versions, and one that is not provided is never set to NULL.",
    29: "The engine's own columns are never overwritten by the user's.",
}
HEAD = """# The torture matrix

<!-- Written by ci/matrix; edit tests/matrix instead. -->

How a change history goes wrong, case by case: what is read, what dmsflow has stored in the end, and what has to be
there. Each case was run alone in DuckDB when this page was written. Every run of the tests repeats them in DuckDB,
SQLite and PostgreSQL, there together with others in one table. The expected histories are written by hand.

The cases are [spec tests](spec-tests.md) in `tests/matrix/cases`, so that you can run them, and write one of your own:

```console
$ dmsflow test tests/matrix
```

In the tables an empty text has quotes, and so has one with blanks at its ends. A date is its midnight, UTC; a current
version ends on 9999-12-31. Guards are off but where a run is called *guarded*.

What other systems leave of a case is told where it is known to be something else: *run* with dlt 1.31.0, dbt-core 1.11
or SQLMesh 0.236 on DuckDB, or *read* in code or documentation. A later version may do better.
"""


def write_page(ran: Sequence[Ran]) -> str:
    """The page, of all cases in the order of the laws."""
    peers = yaml.safe_load((FOLDER / "peers.yaml").read_text(encoding="utf-8"))
    names = {run.case.test.name for run in ran}
    assert not set(peers) - names, f"no case has the name {set(peers) - names}"
    lines = [HEAD, "| law | | cases | as expected |", "|---|---|---|---|"]
    for law, promise in LAWS.items():
        own = [run for run in ran if run.case.law == law]
        good = sum(1 for run in own if not list(run.differences()))
        lines.append(f"| [{law}](#law-{law}) | {promise} | {len(own)} | {good} |")
    for law, promise in LAWS.items():
        lines += ["", f"## Law {law}", "", promise]
        for run in (run for run in ran if run.case.law == law):
            lines += write_case(run, peers.get(run.case.test.name, ()))
    return "\n".join(lines).rstrip() + "\n"


def write_case(run: Ran, peers: Iterable[dict[str, Any]]) -> Iterator[str]:
    """One case: the spec, the input, the history, the verdict, and what others do."""
    case = run.case
    title = case.title[0].upper() + case.title[1:]
    rules = yaml.safe_load(case.spec.read_text(encoding="utf-8"))
    link = f"[{case.spec.name}](../../tests/matrix/{case.spec.name})"
    about = f"{link}: {rules['description']} `key: [{', '.join(rules['key'])}]`, `scd: {write_rules(rules)}`"
    yield from ("", f"### {title}", "", about, "")
    yield from write_table(*write_input(case))
    yield ""
    yield from write_table(*write_history(run))
    yield ""
    rejects = [f"run {number}: {', '.join(reasons)}" for number, reasons in enumerate(run.reasons, 1) if reasons]
    if rejects:
        yield from (f"Rejected in {'; in '.join(rejects)}.", "")
    failed = [str(number) for number, status in enumerate(run.statuses, 1) if status == "failed"]
    if failed:
        yield from (f"Run {', '.join(failed)} fails before it writes.", "")
    differences = list(run.differences())
    yield "**As expected.**" if not differences else f"**Not as expected:** {'; '.join(differences)}."
    yield from (f"Not on {engine}: {why}." for (engine, title), why in ELSEWHERE.items() if title == case.title)
    peers = list(peers)
    if peers:
        yield from ("", *(write_peer(peer) for peer in peers))


def write_rules(rules: dict[str, Any]) -> str:
    """The rules of the history as they are written in YAML."""
    return yaml.safe_dump(rules["scd"], default_flow_style=True, sort_keys=False, width=200).strip()


def write_input(case: Case) -> tuple[list[str], list[list[str]]]:
    """The rows of the source at each run."""
    names = list(
        dict.fromkeys(name for step in case.test.steps for row in step.given.one or () for name in row.entries)
    )
    lines = []
    for step in case.test.steps:
        notes = [f"`{step.spec.name}`"] * (step.spec != case.spec) + ["guarded"] * step.guards
        run = [str(step.number), ", ".join((write_moment(step.run_at), *notes))]
        for row in step.given.one or ():
            lines.append([*run, *(write_given(row.entries[name][1]) if name in row.entries else "" for name in names)])
        if not step.given.one:
            lines.append([*run, "no rows", *([""] * (len(names) - 1))])
    return ["run", "run at", *names], lines


def write_moment(at: datetime) -> str:
    return at.isoformat(sep=" ").removesuffix(" 00:00:00")


def write_history(run: Ran) -> tuple[list[str], list[list[str]]]:
    """Every version that is stored or expected, and which of both it is."""
    unexpected = list(run.history)
    lines = []
    for row in run.case.expected:
        lines.append([*map(write_value, row.values()), "yes" if row in unexpected else "no", "yes"])
        if row in unexpected:
            unexpected.remove(row)
    lines += [[*map(write_value, row.values()), "yes", "no"] for row in unexpected]
    return [*run.case.columns, "stored", "expected"], lines


def write_given(node: Node) -> str:
    """A given value; a number or a time that is written as a text has quotes."""
    text = write_value(cell_text(node))
    return f'"{text}"' if node.style and text[:1].isdigit() else text


def write_value(value: str | None) -> str:
    return write_cell(value).replace("|", "\\|")


def write_table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table of Markdown."""
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def write_peer(peer: dict[str, Any]) -> str:
    """What another system leaves."""
    links = [f"[#{url.rsplit('/', 1)[1]}]({url})" for url in peer.get("issues", ())]
    return f"- {peer['system']}: {peer['stores']} ({', '.join((peer['known'], *links))})."
