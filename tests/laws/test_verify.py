"""What was loaded verifies as equal, whatever the databases; what was changed since is found, exactly that."""

import json
import random
from pathlib import Path

import pytest

from tests.laws.lab import Lab, Outcome

ENGINES = ("duckdb", "sqlite", "postgresql")
PAIRS = [(source, target) for source in ENGINES for target in ENGINES]

COLUMNS = {
    "id": "bigint",
    "small": "smallint",
    "n": "integer",
    "amount": "decimal(12,2)",
    "exact": "decimal(30,10)",
    "share": "double",
    "flag": "boolean",
    "name": "varchar(40)",
    "day": "date",
    "seen": "timestamp",
    "instant": "timestamptz",
    "raw": "bytes",
    "code": "uuid",
}
"""Each type that every database can store."""

DECLARED = {
    "duckdb": {**COLUMNS, "name": "VARCHAR", "raw": "BLOB"},
    "postgresql": {**COLUMNS, "share": "float8", "raw": "bytea"},
    "sqlite": {
        **COLUMNS,
        "id": "INTEGER",
        "n": "INT4",
        "exact": "DECIMAL_TEXT(30,10)",
        "raw": "BLOB",
        "code": "UUID_TEXT",
    },
}

ROWS = (
    (1, 7, -2, "10.50", "0.1000000000", 0.1, True, "Ann", "2026-01-02", "2026-01-02 03:04:05.000006"),
    (2, -7, 2**31 - 1, "-0.01", "12345678901234567.1234567891", 1e300, False, "", "0001-01-01", "2026-01-02 03:04:05"),
    (3, None, None, None, None, None, None, None, None, None),
    (4, 0, 0, "0.00", "0.0000000000", -0.0, True, "a|b, 'c' ~ 3:x", "9999-12-31", "1969-12-31 23:59:59.9"),
    (-5, 1, 1, "99.90", "7.0000000000", 1 / 3, False, "Åsa 日本 😀", "2024-02-29", "2024-02-29 12:00:00"),
)  # fmt: skip
TAIL = {
    1: ("2026-01-02 03:04:05.000006+00:00", "00ff", "0a1b2c3d-0000-4000-8000-00000000000f"),
    2: ("2026-07-02 03:04:05+00:00", "", "ffffffff-ffff-4fff-bfff-ffffffffffff"),
    3: (None, None, None),
    4: ("1999-12-31 23:59:59.5+00:00", "7e", "00000000-0000-4000-8000-000000000000"),
    -5: ("2024-02-29 12:00:00+00:00", "2c2c", "12345678-1234-4234-8234-123456789abc"),
}


def _literal(engine: str, column: str, value: object) -> str:
    if value is None:
        return "NULL"
    kind = DECLARED[engine][column]
    if column == "raw":
        return {"duckdb": f"from_hex('{value}')", "postgresql": f"'\\x{value}'::bytea", "sqlite": f"x'{value}'"}[engine]
    if isinstance(value, bool):
        return str(int(value)) if engine == "sqlite" else str(value).upper()
    if isinstance(value, str):
        text = value.replace("'", "''")
        if engine == "sqlite" and column in ("seen", "instant"):
            head, plus, zone = text.partition("+")
            whole, _, fraction = head.partition(".")
            text = f"{whole}.{fraction:0<6}{plus}{zone}"
        number = column == "amount" or (column == "exact" and engine != "sqlite")
        return text if number else f"'{text}'"
    return f"CAST({value!r} AS {kind})" if engine != "sqlite" else repr(value)


def fill(lab: Lab, engine: str) -> None:
    """A source table with a value of each type, also on the edge of it."""
    declared = ", ".join(f"{name} {kind}" for name, kind in DECLARED[engine].items())
    rows = ", ".join(
        "(" + ", ".join(_literal(engine, c, v) for c, v in zip(COLUMNS, (*row, *TAIL[row[0]]))) + ")" for row in ROWS
    )
    lab.make(f"CREATE TABLE s ({declared})", f"INSERT INTO s VALUES {rows}")


def verify(lab: Lab, *words: str, **spec) -> Outcome:
    return lab.run("verify", lab.spec(**spec), "--format", "json", *words)


def found(outcome: Outcome) -> dict:
    assert outcome.out, outcome.err
    return json.loads(outcome.out)


def counts(outcome: Outcome) -> dict[str, int]:
    return {name: rows for name, rows in found(outcome)["rows"]["counts"].items() if rows}


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_what_was_loaded_is_equal_and_each_changed_cell_is_found(tmp_path: Path, source: str, target: str):
    lab = Lab(tmp_path, source, target)
    fill(lab, source)
    spec = {"key": ["id"], "columns": {name: {"type": kind} for name, kind in COLUMNS.items()}}
    assert lab.apply(**spec).code == 0
    equal = verify(lab, **spec)
    assert (equal.code, counts(equal)) == (0, {"expected": 5, "actual": 5}), equal.out
    assert found(equal)["rows"]["segments"]["differing"] == 0
    assert found(equal)["rows"]["compared"] == list(COLUMNS)
    changed = ", ".join(f"{name} = (SELECT {name} FROM t WHERE id = 4)" for name in COLUMNS if name != "id")
    lab.make(
        f"UPDATE t SET {changed} WHERE id = 1",
        "UPDATE t SET name = NULL WHERE id = 2",
        "DELETE FROM t WHERE id = 3",
        side="target",
    )
    apart = verify(lab, **spec)
    assert apart.code == 3
    assert counts(apart) == {"expected": 5, "actual": 4, "missing": 1, "different": 2}
    told = {next(iter(d["key"].values())): d for d in found(apart)["rows"]["differences"]}
    same = {"flag"}
    assert set(told["1"]["expected"]) == set(COLUMNS) - {"id"} - same
    assert (told["2"]["expected"], told["2"]["actual"]) == ({"name": ""}, {"name": None})
    assert told["3"]["kind"] == "missing"
    assert told["3"]["actual"] is None


@pytest.mark.parametrize(("source", "target"), [("duckdb", "duckdb"), ("postgresql", "duckdb"), ("sqlite", "sqlite")])
def test_random_changes_are_found_exactly(tmp_path: Path, source: str, target: str):
    lab, random_ = Lab(tmp_path, source, target), random.Random(7)
    lab.make("CREATE TABLE s (id INTEGER, a INTEGER, b INTEGER)")
    rows = ", ".join(f"({i}, {i % 7}, {i * i})" for i in range(3000))
    lab.make(f"INSERT INTO s VALUES {rows}")
    spec = {"key": ["id"], "scd": {"type": 1, "deletes": "delete"}}
    assert lab.apply(**spec).code == 0
    ids = random_.sample(range(3000), 12)
    changed, gone, added = ids[:5], ids[5:9], [5000, 5001, 5002]
    lab.make(
        *(f"UPDATE t SET a = a + 1 WHERE id = {i}" for i in changed),
        *(f"DELETE FROM t WHERE id = {i}" for i in gone),
        *(f"INSERT INTO t (id, a, b) VALUES ({i}, 0, 0)" for i in added),
        side="target",
    )
    ran = verify(lab, **spec)
    assert counts(ran) == {"expected": 3000, "actual": 2999, "missing": 4, "extra": 3, "different": 5}
    by_kind: dict[str, set[int]] = {}
    for it in found(ran)["rows"]["differences"]:
        by_kind.setdefault(it["kind"], set()).add(int(it["key"]["id"]))
    assert by_kind == {"different": {*changed}, "missing": {*gone}, "extra": {*added}}
    assert found(ran)["rows"]["columns"] == {"a": 5}
    assert len(found(verify(lab, "--limit", "2", **spec))["rows"]["differences"]) == 2
