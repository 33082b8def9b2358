"""Text to values with places: what is read, what is refused, and that nothing raises."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmsflow.compiler.document import MAX_BYTES, parse_bytes, parse_text, read_document

UNREADABLE = {
    "larger than a spec can be": (b"a" * (MAX_BYTES + 1), "DMS002", 1, 1),
    "UTF-16": ("version: 1".encode("utf-16"), "DMS003", 1, 1),
    "UTF-16 without a mark": ("version: 1".encode("utf-16-le"), "DMS003", 1, 1),
    "Latin-1": (b"a: 1\nname: caf\xe9\n", "DMS003", 2, 10),
    "a control character": (b"a: 1\nb: x\x07\n", "DMS004", 2, 5),
    "a brace that stays open": (b"a: {b: 1\n", "DMS005", 1, 4),
    "a reference without quotes": (b"url: {a: ${env:X}}\n", "DMS005", 1, 6),
    "a quote that stays open": (b"a: 'x\n", "DMS005", 1, 4),
    "a reserved character": (b"a: @x\n", "DMS005", 1, 4),
    "a second colon": (b"a: b: c\n", "DMS005", 1, 5),
    "a tab": (b"a:\n\tb: 1\n", "DMS006", 2, 1),
    "nothing": (b"", "DMS007", 1, 1),
    "a comment": (b"# nothing\n", "DMS007", 1, 1),
    "null": (b"null\n", "DMS009", 1, 1),
    "two documents": (b"a: 1\n---\nb: 1\n", "DMS008", 2, 1),
    "a list": (b"- a\n", "DMS009", 1, 1),
    "an alias in its own anchor": (b"a: &x [*x]\n", "DMS016", 1, 8),
    "many brackets": (b"a: " + b"[" * 100_000, "DMS014", 1, 53),
    "many keys in keys": (b"? " * 100_000, "DMS015", 1, 3),
    "many dashes": (b"- " * 100_000, "DMS014", 1, 101),
    "many values": (b"a: [" + b"1," * 30_000 + b"]", "DMS013", 1, 40_003),
    "a long number": (b"a: " + b"1" * 5000, "DMS017", 1, 4),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_said_with_its_place(name: str):
    data, code, line, column = UNREADABLE[name]
    problem = parse_bytes(data, "f.yaml").diagnostics[0]
    assert problem.position is not None
    assert (problem.code, problem.position.line, problem.position.column) == (code, line, column)
    assert problem.help


def test_a_missing_file_is_a_diagnostic(tmp_path: Path):
    document = read_document(tmp_path / "none.yaml")
    assert [problem.code for problem in document.diagnostics] == ["DMS001"]
    assert [problem.code for problem in read_document(tmp_path).diagnostics] == ["DMS001"]
    assert [problem.code for problem in read_document("a\0b").diagnostics] == ["DMS001"]


def test_a_byte_order_mark_is_read_over():
    document = parse_bytes(b"\xef\xbb\xbfa: 1\n", "f.yaml")
    assert document.content == {"a": 1}
    assert document.position(("a",)).column == 4


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("NULL", None),
        ("nUll", "nUll"),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-.inf", float("-inf")),
        ("1.2.3", "1.2.3"),
        ("+7", 7),
        ("-", "-"),
        ("2020-01-01", "2020-01-01"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("10m", "10m"),
    ],
)
def test_scalars_are_read_as_in_yaml_1_2(written: str, value: object):
    text = "a: [-]\n" if written == "-" else f"a: {written}\n"
    if written == "-":
        assert parse_text("a: x-\n").content == {"a": "x-"}
        return
    content = parse_text(text).content
    assert content == {"a": value}
    assert type(content["a"]) is type(value)


def test_keys_are_texts_as_written():
    assert parse_text("1: a\ntrue: b\n~: c\n").content == {"1": "a", "true": "b", "~": "c"}


def test_an_alias_stands_for_a_whole_value():
    document = parse_text("a: &x {b: [1]}\nc: *x\n")
    assert document.content == {"a": {"b": [1]}, "c": {"b": [1]}}
    assert document.position(("c", "b", 0)).line == 1


def test_every_duplicate_is_found_and_the_first_is_kept():
    document = parse_text("a: 1\nb: {c: 1, c: 2}\na: 3\n")
    assert document.content == {"a": 1, "b": {"c": 1}}
    assert [problem.position.line for problem in document.diagnostics] == [2, 3]


def test_a_place_is_the_value_the_key_or_the_nearest_ancestor():
    document = parse_text("a:\n  b: [x, yy]\n  c: 'text'\n")
    assert (document.position(("a", "b", 1)).column, document.position(("a", "b", 1)).end_column) == (10, 12)
    assert document.position(("a", "b", 1), of_key=True).column == 10
    assert (document.position(("a", "c")).column, document.position(("a", "c")).end_column) == (6, 12)
    assert (document.position(("a", "b")).line, document.position(("a", "b")).column) == (2, 3)
    assert (document.position(("a", "none", 3)).line, document.position(("a", "none")).column) == (1, 1)


@pytest.mark.parametrize("breaks", ["\n", "\r\n", "\r"])
def test_lines_count_the_same_with_every_line_break(breaks: str):
    document = parse_text(breaks.join(["a: 1", "b: 2", ""]))
    assert document.position(("b",)).line == 2
    assert document.line(2) == "b: 2"


YAML_LIKE = st.text(alphabet="ab:-?[]{}&*!|>'\"#%@`,. \n\t\r0123é\u2028<$", max_size=80)


@settings(max_examples=400, deadline=None)
@given(st.one_of(YAML_LIKE, st.text(max_size=60)))
def test_no_text_raises(text: str):
    document = parse_text(text)
    assert document.content is not None or document.diagnostics
    for problem in document.diagnostics:
        assert problem.position is not None
        assert problem.position.line >= 1


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80))
def test_no_bytes_raise(data: bytes):
    document = parse_bytes(data, "f.yaml")
    assert document.content is not None or document.diagnostics


def test_the_file_is_read_only_as_far_as_needed(tmp_path: Path):
    file = Path(tmp_path, "big.yaml")
    file.write_bytes(b"a: " + b"x" * (3 * MAX_BYTES))
    assert [problem.code for problem in read_document(file).diagnostics] == ["DMS002"]
