"""Runs cases on a database of its own: those of one spec together in one table, told apart by a column of the key."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from tests.laws.world import World, as_instant
from tests.matrix.cases import TIMES, Case, Ran, as_texts, given_rows, in_order

CASE = "case_no"
UNGUARDED = {"min_rows": 0, "max_close_percent": 100}
TYPES = ((str, "varchar"), (datetime, "timestamp"), (date, "date"), (float, "double"), (int, "bigint"))


def in_groups(cases: Iterable[Case]) -> list[list[Case]]:
    """Cases of one spec, the longest first; one with guards, with two specs or with a type that changes is alone."""
    groups = defaultdict(list)
    for case in cases:
        others = any(step.guards or step.spec != case.spec for step in case.test.steps)
        groups[case.spec, case.title if others or has_two_types(case) else ""].append(case)
    return [sorted(group, key=lambda case: -len(case.steps)) for group in groups.values()]


def has_two_types(case: Case) -> bool:
    """Whether a column of the source has values of two types."""
    types = defaultdict(set)
    for number, _ in enumerate(case.steps):
        for row in given_rows(case, number):
            for name, value in row.items():
                types[name].add(type(value))
    return any(len(found - {type(None)}) > 1 for found in types.values())


def run_group(cases: list[Case], world: World) -> Iterator[Ran]:
    """What each case has left in a new target. All end with the last run; the shorter ones begin later."""
    instants: list[datetime | None] = []
    reasons: list[dict[int, list[str]]] = []
    statuses: list[str] = []
    columns: dict[str, str] = {}
    start_over(world)
    steps = cases[0].test.steps
    for number, step in enumerate(steps):
        active = {place: number - len(steps) + len(case.steps) for place, case in enumerate(cases)}
        active = {place: at for place, at in active.items() if at >= 0}
        rows = [{CASE: place} | row for place, at in active.items() for row in given_rows(cases[place], at)]
        columns = source_columns(rows) or columns
        texts = {name for name, kind in columns.items() if kind == "varchar"}
        world.write_source([as_written(row, texts) for row in rows], columns)
        report = world.apply(read_spec(step.spec, guards=step.guards))
        statuses.append(report.status.value)
        ran = world.read(f"SELECT run_at FROM dmsflow_checkpoint WHERE run_id = '{report.run_id}'")
        instants.append(as_instant(ran[0][0]) if ran else None)
        reasons.append(read_reasons(world, report.run_id))
    for place, case in enumerate(cases):
        own = slice(-len(case.steps), None)
        found = world.read(f"{case.query()} WHERE {CASE} = {place}")
        rows = (dated(dict(zip(case.columns, row, strict=True)), instants[own], case) for row in found)
        told = [sorted(step.get(place, [])) for step in reasons[own]]
        yield Ran(case=case, history=in_order(map(as_texts, rows)), statuses=statuses[own], reasons=told)


def start_over(world: World) -> None:
    """Empty source and target; the folder still knows the plans."""
    world.release()
    for file in world.folder.glob("*.db*"):
        file.unlink()
    if world.servers:
        with world.open("target") as connection:
            found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            connection.execute("".join(f'DROP TABLE "{name}";' for (name,) in found) or "SELECT 1")


def source_columns(rows: list[dict[str, Any]]) -> dict[str, str]:
    """The columns of the source, each of the first type that one of its values has; text where there is none."""
    names = dict.fromkeys(name for row in rows for name in row)
    values = {name: [row[name] for row in rows if row.get(name) is not None] for name in names}
    return {
        name: next((kind for wanted, kind in TYPES if any(isinstance(it, wanted) for it in found)), "varchar")
        for name, found in values.items()
    }


def as_written(row: dict[str, Any], texts: set[str]) -> dict[str, Any]:
    """A row whose texts are texts."""
    return {name: str(value) if name in texts and value is not None else value for name, value in row.items()}


def read_spec(file: Path, *, guards: bool) -> dict[str, Any]:
    """The spec of a step, with the column that tells cases apart."""
    spec = yaml.safe_load(file.read_text(encoding="utf-8"))
    spec["key"] = [CASE, *spec["key"]]
    spec["columns"] = {CASE: {"type": "integer"}, **spec["columns"]}
    if "deletes" in spec["scd"] and not guards and "grain" not in spec["source"]:
        spec["guards"] = UNGUARDED
    return spec


def read_reasons(world: World, run_id: str) -> dict[int, list[str]]:
    """Why a run has rejected rows, by the place of their case."""
    found = defaultdict(list)
    for key, reason in world.read(f"SELECT row_key, reason FROM dmsflow_reject WHERE run_id = '{run_id}'"):
        found[json.loads(key)[CASE]].append(reason)
    return found


def dated(row: dict[str, Any], instants: list[datetime | None], case: Case) -> dict[str, Any]:
    """A stored row with the instants at which the case says that its runs were."""
    written = {at: step.run_at for at, step in zip(instants, case.test.steps, strict=True) if at is not None}
    times = {name: as_instant(value) for name, value in row.items() if name in TIMES}
    return row | {name: written.get(value, value) for name, value in times.items()}
