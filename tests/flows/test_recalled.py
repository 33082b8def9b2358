"""A plan that was made before is run without SQLAlchemy: its import is half of a small run's time."""

import subprocess
import sys

import pytest

from tests.laws.lab import Lab

APPLY = """
import sys
if sys.argv.pop(1) == "bare":
    sys.modules["sqlalchemy"] = None
from dmsflow.cli.app import app
app()
"""
LOOKUP = {"lookup": {"dimension": "d", "key": {"code": "code"}}}
SPECS = {
    "plain": {"columns": {"id": {}, "v": {}}, "guards": {"max_change_percent": 50}},
    "lookups": {"columns": {"id": {}, "v": {}, "d_sk": LOOKUP}},
}


@pytest.mark.parametrize("asked", SPECS)
def test_a_plan_that_was_made_before_needs_no_sqlalchemy(tmp_path, asked):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT range AS id, 'k' AS code, range AS v FROM range(9)")
    lab.make("CREATE TABLE d (d_sk bigint, code varchar, is_current boolean)", side="target")
    lab.make("INSERT INTO d VALUES (7, 'k', true)", side="target")
    spec = lab.spec(key=["id"], **SPECS[asked])
    lab.release()
    for how in ("made", "made", "bare"):
        command = [sys.executable, "-c", APPLY, how, "apply", str(spec)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
    assert lab.read("SELECT count(*) FROM t") == [(9,)]
