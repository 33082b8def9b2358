from datetime import UTC, datetime, timedelta

import pytest

from dmsflow.cli.render.table import TableColumn, align
from dmsflow.cli.render.words import count_of, escape, write_count, write_moment, write_share, write_span


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0.0s"),
        (4.24, "4.2s"),
        (59.94, "59.9s"),
        (59.96, "1m 00s"),
        (72, "1m 12s"),
        (3599.6, "1h 00m"),
        (3600 * 3 + 300, "3h 05m"),
        (3600 * 52, "2d 4h"),
        (-3, "0.0s"),
    ],
)
def test_spans_show_two_units(seconds: float, written: str):
    assert write_span(timedelta(seconds=seconds)) == written


def test_what_is_unknown_is_a_dash():
    assert (write_span(None), write_count(None), write_share(None)) == ("-", "-", "-")


def test_a_share_is_never_rounded_up_to_done():
    assert (write_share(0.999), write_share(1.0), write_share(0.0)) == ("99%", "100%", "0%")


def test_the_day_is_left_out_today():
    noon = datetime(2026, 5, 4, 12, tzinfo=UTC).astimezone()
    assert write_moment(noon, noon + timedelta(minutes=1)) == noon.strftime("%H:%M:%S")
    assert write_moment(noon, noon + timedelta(days=1)) == noon.strftime("%Y-%m-%d %H:%M:%S")


def test_nouns_follow_their_number():
    assert (count_of(1, "chunk"), count_of(1200, "row")) == ("1 chunk", "1,200 rows")


def test_what_a_terminal_would_obey_is_escaped():
    assert escape("a\x1b[31mb\r\nc\x9b\u202eü中") == "a\\x1b[31mb\\r\\nc\\x9b\\u202eü中"


def test_columns_line_up():
    columns = (TableColumn(heading="name"), TableColumn(heading="rows", number=True), TableColumn(heading="end"))
    assert align(columns, [("orders", "7", "x"), ("it\nems", "1,200", "")]) == [
        "name      rows  end",
        "orders       7  x",
        "it\\nems  1,200",
    ]
