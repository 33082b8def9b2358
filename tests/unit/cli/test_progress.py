import io
import sys

import pytest

from dmsflow.cli.render.progress import show_progress
from dmsflow.model.result import ChunkResult, ChunkStatus, RowCounts


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def done(number: int, rows: int = 50) -> ChunkResult:
    return ChunkResult(number=number, status=ChunkStatus.DONE, rows=RowCounts(read=rows, inserted=rows))


@pytest.mark.parametrize(("total", "estimated"), [(2, 100), (2, None), (1, 100), (1, None), (0, None)])
def test_a_bar_counts_on_a_terminal(total: int, estimated: int | None, monkeypatch: pytest.MonkeyPatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with show_progress(total, estimated, enabled=True) as progress:
        progress.beat(25)
        for number in range(1, total + 1):
            progress.advance(done(number))
        progress.advance(ChunkResult(number=9, status=ChunkStatus.FAILED))
    assert "1 failed" in terminal.getvalue()


def test_nothing_is_shown_elsewhere(capsys: pytest.CaptureFixture[str]):
    with show_progress(2, 100, enabled=True) as progress:
        progress.advance(done(1))
        progress.beat(70)
    assert capsys.readouterr() == ("", "")


def test_nothing_is_shown_when_it_is_switched_off(monkeypatch: pytest.MonkeyPatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with show_progress(2, 100, enabled=False) as progress:
        progress.advance(done(1))
    assert terminal.getvalue() == ""
