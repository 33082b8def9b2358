"""The samples of a dry run are the effects that the report counts: as many of each kind, each with what it changes."""

from pathlib import Path

import pytest
import yaml

from dmsflow.compiler.load import load_spec
from dmsflow.rehearsal.dry_run import dry_run_generated

SPEC = {
    "version": 1,
    "pipeline": "p",
    "source": {"connection": "src", "table": "s"},
    "target": {"connection": "dwh", "table": "dw.t"},
    "key": ["k", "l"],
    "columns": {
        "k": {"type": "bigint"},
        "l": {"type": "varchar(2)"},
        "a": {"type": "varchar(9)"},
        "b": {"type": "decimal(9,2)"},
        "c": {"type": "date"},
    },
    "connections": {"src": {"url": "postgresql://src.example.com/x"}, "dwh": {"url": "sqlite:///nowhere/dwh.db"}},
}
MIXED = SPEC["columns"] | {"b": {"type": "decimal(9,2)", "scd": 1}, "c": {"type": "date", "scd": "ignore"}}
WAYS = {
    "append": {"scd": "append", "checkpoint": {"columns": ["seq"]}},
    "0": {"scd": 0},
    "1": {"scd": 1},
    "1, delete": {"scd": {"type": 1, "deletes": "delete"}},
    "1, flag": {"scd": {"type": 1, "deletes": "flag"}},
    "2": {"scd": 2},
    "2, close": {"scd": {"type": 2, "deletes": "close"}},
    "2, tombstone": {"scd": {"type": 2, "deletes": "tombstone"}},
    "2, policies": {"scd": {"type": 2, "deletes": "close"}, "columns": MIXED},
    "2, overwritten": {"scd": 2, "columns": MIXED | {"a": {"type": "varchar(9)", "scd": "ignore"}}},
    "2, open end": {"scd": {"type": 2, "open_end": None, "deletes": "close"}},
    "2, business time": {"scd": {"type": 2, "effective_at": "seen_at", "late": "correct_current"}},
    "2, surrogate key": {"scd": 2, "target": SPEC["target"] | {"kind": "dimension"}},
}


@pytest.mark.parametrize("way", WAYS)
def test_there_is_a_sample_of_every_row_that_is_counted(way, tmp_path: Path):
    file = tmp_path / "p.yaml"
    file.write_text(yaml.safe_dump(SPEC | WAYS[way]))
    shown, _ = dry_run_generated(load_spec(file), 120, 5, samples=1000)
    rows = shown.report.rows
    assert rows.inserted > 0
    counted = {name: count for name in ("inserted", "versioned", "updated", "closed") if (count := getattr(rows, name))}
    sampled = {effect.kind: len(effect.samples) for effect in shown.effects if effect.samples}
    assert sampled == counted
    assert len(shown.rejects) == rows.rejected
    for effect in shown.effects:
        for sample in effect.samples:
            assert (sample.old is None) is (effect.kind == "inserted")
            if effect.kind in ("versioned", "updated"):
                assert sample.old != sample.new
