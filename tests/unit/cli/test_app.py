import os

from dmsflow.cli import app
from dmsflow.events import forget_secrets, register_secret


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
