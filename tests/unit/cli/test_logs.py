import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from dmsflow.cli.log_options import LogFormat, LogLevel, LogOptions, choose_level
from dmsflow.cli.logs import logging_to_file, logging_to_stderr
from dmsflow.events import forget_secrets, log_event, register_secret

LOGGER = logging.getLogger("dmsflow.runtime")


def test_an_event_is_one_line_of_text(capsys: pytest.CaptureFixture[str]):
    with logging_to_stderr(LogOptions(level=LogLevel.INFO)):
        log_event(LOGGER, logging.INFO, "chunk done", chunk=3, rows=50000, table='dw "x"', note="", at="a=b")
        log_event(LOGGER, logging.DEBUG, "too small to tell")
    line = capsys.readouterr().err.rstrip("\n")
    assert line[8:] == ' info chunk done chunk=3 rows=50000 table="dw \\"x\\"" note="" at="a=b"'


def test_a_value_cannot_begin_a_line_of_its_own(capsys: pytest.CaptureFixture[str]):
    with logging_to_stderr(LogOptions()):
        forged = "x\n12:00:00 info all is well\x1b[2J\u2028\u202e"
        log_event(LOGGER, logging.WARNING, "key refused", key=forged)
        LOGGER.warning("raw %s", forged)
        try:
            raise ValueError(forged)
        except ValueError as error:
            log_event(LOGGER, logging.ERROR, "chunk failed", cause=error)
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "all is well" in line and line.startswith("12:00:00")] == []
    assert "\x1b" not in "".join(lines)
    assert all(line.startswith("    | ") for line in lines[3:])


def test_json_lines_parse_whatever_is_in_them(capsys: pytest.CaptureFixture[str]):
    with logging_to_stderr(LogOptions(level=LogLevel.INFO, format=LogFormat.JSON)):
        log_event(
            LOGGER, logging.INFO, "chunk done", chunk=3, key="a\n\u2028ü", path=Path("x"), pid="mine", parts=(1, "b")
        )
        try:
            raise ValueError("no")
        except ValueError as error:
            log_event(LOGGER, logging.ERROR, "chunk failed", cause=error)
    done, failed = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (done["level"], done["logger"], done["event"], done["chunk"]) == ("info", "dmsflow.runtime", "chunk done", 3)
    assert (done["key"], done["path"], done["pid_"], done["parts"]) == ("a\n\u2028ü", "x", "mine", [1, "b"])
    assert isinstance(done["pid"], int)
    assert done["time"].endswith("+00:00")
    assert "ValueError: no" in failed["traceback"]


@pytest.mark.parametrize("chosen", list(LogFormat))
def test_secrets_reach_neither_stderr_nor_the_file(
    chosen: LogFormat, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    register_secret("hunter2")
    options = LogOptions(format=chosen)
    try:
        with logging_to_stderr(options), logging_to_file(options, tmp_path / "ledger.db"):
            try:
                raise ValueError("hunter2")
            except ValueError as error:
                log_event(LOGGER, logging.ERROR, "no entry", cause=error, url="db://u:hunter2@h")
    finally:
        forget_secrets()
    written = (tmp_path / "dmsflow.log").read_text()
    shown = capsys.readouterr().err
    for text in (written, shown):
        assert "db://u:***@h" in text
        assert "ValueError: ***" in text
        assert '"hunter2"' in text or "hunter2" not in text, "only the test's own source line holds it"


def test_other_libraries_are_heard_when_they_warn(capsys: pytest.CaptureFixture[str]):
    with logging_to_stderr(LogOptions()):
        logging.getLogger("somedriver").warning("old protocol")
        logging.getLogger("somedriver").info("hello")
    assert capsys.readouterr().err[8:] == " warning old protocol logger=somedriver\n"


def test_the_file_holds_what_the_terminal_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    options = LogOptions(level=LogLevel.ERROR)
    ledger = tmp_path / ".dmsflow" / "ledger.db"
    with logging_to_stderr(options), logging_to_file(options, ledger):
        log_event(LOGGER, logging.INFO, "run started", run="r1")
    assert capsys.readouterr().err == ""
    assert " info run started run=r1 pid=" in (ledger.parent / "dmsflow.log").read_text()
    assert (ledger.parent / ".gitignore").exists()


def test_the_terminal_stays_quiet_while_the_file_listens(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    options = LogOptions()
    with logging_to_stderr(options), logging_to_file(options, tmp_path / "ledger.db"):
        log_event(LOGGER, logging.INFO, "run started")
    log_event(LOGGER, logging.INFO, "after the block")
    assert capsys.readouterr().err == ""
    assert "after the block" not in (tmp_path / "dmsflow.log").read_text()


def test_no_file_when_none_is_wanted(tmp_path: Path):
    with logging_to_file(LogOptions(file="none"), tmp_path / "ledger.db"):
        log_event(LOGGER, logging.ERROR, "gone")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").touch()
    options = LogOptions(file=str(tmp_path / "file" / "x.log"))
    with logging_to_stderr(options), logging_to_file(options, tmp_path / "ledger.db"):
        log_event(LOGGER, logging.WARNING, "goes on")
    err = capsys.readouterr().err
    assert "warning log file cannot be written path=" in err
    assert "warning goes on" in err


def test_the_file_is_rotated_only_by_its_own_import():
    asked = "import sys, dmsflow.cli.app; sys.exit('concurrent_log_handler' in sys.modules or 'rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


WRITER = """
import logging, sys
from pathlib import Path
from dmsflow.cli.logs import TextFormatter, open_log_file

handler = open_log_file(Path(sys.argv[1]), max_bytes=20_000, kept=500)
handler.setFormatter(TextFormatter(dated=True))
logger = logging.getLogger("dmsflow.test")
logger.addHandler(handler)
logger.setLevel(logging.INFO)
for number in range(500):
    logger.info("line %s-%s.", sys.argv[2], number)
handler.close()
"""


def test_four_processes_lose_no_line_of_one_rotating_file(tmp_path: Path):
    path = tmp_path / "dmsflow.log"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(name)]) for name in range(4)]
    assert [writer.wait(timeout=120) for writer in writers] == [0] * 4
    files = list(tmp_path.glob("dmsflow.log*"))
    lines = [line for file in files for line in file.read_text().splitlines()]
    found = sorted(line.split("line ")[1].split(".")[0] for line in lines)
    assert found == sorted(f"{name}-{number}" for name in range(4) for number in range(500))
    assert len(files) > 3, "it was rotated"


@pytest.mark.parametrize(
    ("level", "verbose", "quiet", "chosen"),
    [
        (None, 0, False, LogLevel.WARNING),
        (None, 1, False, LogLevel.INFO),
        (None, 2, False, LogLevel.DEBUG),
        (None, 0, True, LogLevel.ERROR),
        (LogLevel.INFO, 2, True, LogLevel.INFO),
    ],
)
def test_the_level_comes_from_three_options(level: LogLevel | None, verbose: int, quiet: bool, chosen: LogLevel):
    assert choose_level(level, verbose, quiet) is chosen
