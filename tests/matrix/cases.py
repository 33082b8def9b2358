"""The cases of laws 18 to 29, as `dmsflow test tests/matrix` reads them too: what is read, and what must be stored."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from dmsflow.model.result import RowCounts
from dmsflow.rehearsal.test_file import SpecTest, find_test_files

FOLDER = Path(__file__).parent
TIMES = ("valid_from", "valid_to", "inserted_at", "modified_at", "at", "contract_end")
FLAGS = ("is_current", "is_deleted")
KEYS = ("k", "a", "b")
Row = dict[str, str | None]

ELSEWHERE = {("sqlite", "NaN equals NaN and no number"): "SQLite has no NaN, and its source gives NULL"}
"""Cases that a database cannot have, by its name."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case: what it is about, its steps as `dmsflow test` reads them, and as plain YAML."""

    law: int
    title: str
    spec: Path
    test: SpecTest
    steps: list[dict[str, Any]]

    @property
    def expected(self) -> list[Row]:
        """The history that must be there after the last step."""
        return in_order(as_texts(row) for row in self.steps[-1]["expect"]["target"])

    @property
    def columns(self) -> list[str]:
        """What the history is compared by."""
        return list(self.expected[0])

    def query(self, table: str = "t") -> str:
        """The stored history."""
        picked = '", "'.join(self.columns)
        return f'SELECT "{picked}" FROM {table}'


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What the runs of a case have left: the history, and of each run its status, why it rejected rows, and its counts.

    There are no counts where cases have run together.
    """

    case: Case
    history: list[Row]
    statuses: list[str]
    reasons: list[list[str]]
    counts: list[RowCounts] = field(default_factory=list)

    def differences(self) -> Iterator[str]:
        """What is not as expected."""
        expected = [step["expect"] for step in self.case.steps]
        if self.history != self.case.expected:
            yield f"stored is {self.history}"
        for number, (status, expect) in enumerate(zip(self.statuses, expected, strict=True), 1):
            if status != expect.get("status", "succeeded"):
                yield f"run {number} {status}"
        for number, (reasons, expect) in enumerate(zip(self.reasons, expected, strict=True), 1):
            if reasons != sorted(reject["reason"] for reject in expect.get("rejects", [])):
                yield f"run {number} rejected {', '.join(reasons) or 'nothing'}"
        for number, (counts, expect) in enumerate(zip(self.counts, expected), 1):
            for name, count in expect.get("counts", {}).items():
                if getattr(counts, name) != count:
                    yield f"run {number}: {getattr(counts, name)} rows {name}"


def read_cases() -> Iterator[Case]:
    """Every case, in the order of the laws."""
    found = []
    for file in find_test_files([FOLDER / "cases"]):
        assert not file.problems, file.problems
        plain = yaml.safe_load(Path(file.document.file).read_text(encoding="utf-8"))
        for test, written in zip(file.tests, plain["tests"], strict=True):
            law, title = test.name.split(": ", 1)
            found.append(Case(law=int(law), title=title, spec=file.spec, test=test, steps=written["steps"]))
    return iter(sorted(found, key=lambda case: case.law))


def given_rows(case: Case, number: int) -> list[dict[str, Any]]:
    """The rows of the source in a step."""
    return case.steps[number].get("given", {}).get("source", [])


def as_texts(row: dict[str, Any]) -> Row:
    """A row in one way of writing, whoever hands it over."""
    return {name: as_text(name, value) for name, value in row.items()}


def as_text(name: str, value: object) -> str | None:
    """A value as it is compared, and as the page shows it."""
    if value is None:
        return None
    if name in FLAGS:
        return "yes" if value else "no"
    if name in TIMES and isinstance(value, str):
        value = datetime.fromisoformat(value)
    match value:
        case datetime():
            return value.isoformat(sep=" ").removesuffix(" 00:00:00")
        case date():
            return value.isoformat()
        case float() | Decimal() | int() if value != value or value == 0:
            return "NaN" if value != value else "0"
        case float() | Decimal() | int():
            return f"{Decimal(str(value)).normalize():f}"
    return str(value)


def in_order(rows: Iterator[Row]) -> list[Row]:
    """Rows as histories are read: by key, then by time."""
    return sorted(rows, key=lambda row: [row.get(name) or "" for name in (*KEYS, "valid_from", *row)])
