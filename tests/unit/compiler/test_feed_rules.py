"""What a spec of a change feed may say: the rules of meaning, in the cases that no file of its own shows."""

from pathlib import Path

import pytest

from dmsflow.compiler.load import load_spec
from dmsflow.model.spec import Grain, Operation

HEAD = """\
version: 1
pipeline: orders
target: {connection: wh, table: dw.orders}
connections: {wh: "duckdb:///warehouse.duckdb"}
"""
OP = "op: {column: op, insert: [I, r], update: 4, delete: D}"
FEED = HEAD + f"source: {{connection: wh, table: changes, grain: changes, {OP}}}\n"
PLAIN = HEAD + "source: {connection: wh, table: changes, grain: changes}\n"
KEY = "key: [order_id]\n"


def find(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    file = tmp_path / "orders.yaml"
    file.write_text(text, encoding="utf-8")
    return [(problem.code, problem.message) for problem in load_spec(file).diagnostics]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (FEED + "scd: append\ncheckpoint: {columns: [n]}\n", "DMS245", "type append keeps every row"),
        (PLAIN + KEY + "scd: 1\n", "DMS229", "no order to find the last row"),
        (FEED + KEY + "scd: {type: 2, effective_at: ts, late: correct_current}\n", "DMS248", "change the table again"),
        (FEED + KEY + "scd: {type: 1, order_by: [n], late: insert}\n", "DMS224", "late has no effect"),
        (FEED + KEY + "scd: {type: 2, effective_at: ts}\n", "DMS247", "deletes is ignore"),
        (PLAIN + KEY + "scd: {type: 1, order_by: [n], duplicates: last}\n", "DMS245", "duplicates has no effect"),
        (PLAIN + KEY + "scd: {type: 1, order_by: [n], deletes: flag}\n", "DMS247", "deletes: flag has no row"),
        (
            PLAIN + KEY + "scd: {type: 1, order_by: [n]}\nguards: {max_close_percent: 5}\n",
            "DMS245",
            "max_close_percent",
        ),
    ],
)
def test_what_contradicts_itself_is_told(tmp_path: Path, text: str, code: str, words: str) -> None:
    assert any(found == code and words in message for found, message in find(tmp_path, text))


def test_a_memory_knows_no_new_columns(tmp_path: Path) -> None:
    text = FEED.replace("dw.orders", "dw.orders, evolve: add") + KEY
    text += "scd: {type: 2, effective_at: ts, deletes: close, late: insert}\n"
    assert [code for code, _ in find(tmp_path, text)] == ["DMS248"]


def test_deletes_of_a_feed_go_with_a_checkpoint(tmp_path: Path) -> None:
    text = FEED + KEY + "scd: {type: 2, effective_at: ts, order_by: [n], deletes: close, late: insert, window: 30d}\n"
    assert find(tmp_path, text + "checkpoint: {columns: [n]}\n") == []


def test_values_of_an_operation_are_texts(tmp_path: Path) -> None:
    (tmp_path / "orders.yaml").write_text(
        FEED + KEY + "scd: {type: 1, order_by: [n], deletes: flag}\n", encoding="utf-8"
    )
    spec = load_spec(tmp_path / "orders.yaml").raise_if_rejected()
    assert spec.source.grain is Grain.CHANGES and spec.is_feed and not spec.remembers
    assert spec.source.op == Operation(column="op", insert=("I", "r"), update=("4",), delete=("D",))
    assert spec.guards.min_rows is None
