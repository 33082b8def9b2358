import os

import pytest

from dmsflow.cli import app
from dmsflow.events import forget_secrets, register_secret
from tests.laws.lab import Lab


def test_what_nobody_foresaw_is_no_refused_spec_and_tells_no_secret(monkeypatch, capsys) -> None:
    def break_down() -> None:
        raise RuntimeError("with hunter2")

    left: list[int] = []
    monkeypatch.setattr(app, "app", break_down)
    monkeypatch.setattr(os, "_exit", left.append)
    register_secret("hunter2")
    try:
        app.main()
    finally:
        forget_secrets()
    told = capsys.readouterr().err
    assert left == [3]
    assert "RuntimeError: with ***" in told
    assert "hunter2" not in told
    assert told.endswith("report it with the lines above\n")


@pytest.mark.parametrize("option", ["--samples", "--ledger"])
def test_what_tells_of_effects_is_wrong_usage_without_them(option, tmp_path):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT 1 AS id")
    outcome = lab.run("plan", lab.spec(key=["id"]), option, "3")
    assert (outcome.code, outcome.out) == (2, "")
    assert option in outcome.err and "it goes with --effects" in outcome.err
