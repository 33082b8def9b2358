import json
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from dmsflow.cli.commands.apply import ReportFormat, show_report
from dmsflow.cli.render.report import render_report
from dmsflow.events import forget_secrets, register_secret
from dmsflow.model.result import ChunkTally, Failure, RowCounts, RunReport, RunStatus, WatermarkMove
from dmsflow.model.watermark import TypedValue, Watermark

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def mark(value: int | str) -> Watermark:
    return Watermark(columns=("order_id",), values=(TypedValue.of(value),))


DONE = RunReport(
    pipeline="orders",
    run_id="r1",
    status=RunStatus.SUCCEEDED,
    rows=RowCounts(read=1200, inserted=1000, unchanged=200),
    chunks=ChunkTally(total=12, done=12),
    watermark=WatermarkMove(before=mark(41200), after=mark(42400)),
    started_at=NOON,
    finished_at=NOON + timedelta(seconds=4),
    seconds=4.0,
    rows_per_second=300.0,
    transfer="in-place",
)

LOST = Failure(
    message="end-of-file on communication channel",
    code="ORA-03113",
    chunk=7,
    attempts=3,
    next_step='check the connection, then run "dmsflow apply orders.yaml" again',
)

BROKEN = replace(
    DONE,
    status=RunStatus.FAILED,
    chunks=ChunkTally(total=12, done=6, failed=1, pending=5),
    watermark=WatermarkMove(before=mark(41200), after=mark(41200)),
    errors=(LOST,),
)


def test_a_success_says_where_every_row_went():
    assert render_report(DONE, colour=False).splitlines() == [
        "orders succeeded: 12 chunks, in-place, 4.0s, 300 rows/s (run r1)",
        "",
        " read  inserted  versioned  updated  unchanged  collapsed  rejected  closed",
        "1,200     1,000          0        0        200          0         0       0",
        "",
        "watermark moves from order_id = 41200 to order_id = 42400",
    ]


def test_a_failure_says_what_broke_where_it_stands_and_what_to_do():
    lines = render_report(BROKEN, colour=False).splitlines()
    assert lines[0] == "orders failed: 6 of 12 chunks done, 1 failed, in-place, 4.0s, 300 rows/s (run r1)"
    assert lines[-1] == (
        "chunk 7 of 12 failed after 3 attempts: ORA-03113 end-of-file on communication channel"
        " | watermark stays at order_id = 41200"
        ' | next: check the connection, then run "dmsflow apply orders.yaml" again'
    )


def test_a_failure_of_the_run_itself_names_no_chunk():
    failed = replace(
        BROKEN, errors=(Failure(message="DMS404: too few rows", code="DMS404"),), watermark=WatermarkMove()
    )
    assert render_report(failed, colour=False).splitlines()[-1] == "the run failed: DMS404: too few rows"


def test_data_cannot_drive_the_terminal():
    hostile = replace(BROKEN, errors=(replace(LOST, message='key "\x1b]0;x\x07\n\x1b[2J" is twice'),))
    hostile = replace(hostile, watermark=WatermarkMove(after=mark("\x1b[2J")))
    text = render_report(hostile, colour=False)
    assert "\x1b" not in text
    assert 'key "\\x1b]0;x\\x07\\n\\x1b[2J" is twice' in text


def test_many_failures_are_counted_after_the_first():
    many = replace(BROKEN, errors=tuple(replace(LOST, chunk=number) for number in range(1, 8)))
    assert render_report(many, colour=False).splitlines()[-1] == "and 2 more failures"


def test_colour_is_around_the_status_alone():
    assert "\x1b[32msucceeded\x1b[0m" in render_report(DONE, colour=True)


def test_an_empty_load_has_no_pace():
    empty = replace(DONE, rows=RowCounts(), chunks=ChunkTally(total=1, done=1), watermark=WatermarkMove(), seconds=0.04)
    assert render_report(empty, colour=False).splitlines()[0] == "orders succeeded: 1 chunk, in-place, 0.0s (run r1)"


def test_a_report_as_json_holds_no_secret(capsys: pytest.CaptureFixture[str]):
    register_secret("hunter2")
    try:
        show_report(replace(BROKEN, errors=(replace(LOST, message="no login for hunter2"),)), ReportFormat.JSON)
    finally:
        forget_secrets()
    shown = json.loads(capsys.readouterr().out)
    assert shown["errors"][0]["message"] == "no login for ***"
