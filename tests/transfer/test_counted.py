"""Rows counted off a stream: each in one portion, in their order, wherever batches end; and what they add up to."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmsflow.runtime.stop import StopSignal
from dmsflow.transfer import counted
from dmsflow.transfer.counted import Portions, Sum, open_file_reader
from dmsflow.transfer.refinery import Refinery

SIZES = st.lists(st.integers(0, 9), max_size=12)
ODD: dict[str, list[object]] = {
    "flag": [True, None, False, True],
    "text": ["", None, "long enough to be no inlined string", "b"],
    "list": [[1, 2], [2, 1], None, [3]],
    "struct": [{"x": 1}, None, {"x": 3}, {"x": 2}],
    "float": [float("nan"), 0.0, None, float("-inf")],
}


@pytest.fixture(scope="module")
def refinery() -> Iterator[Refinery]:
    with closing(Refinery()) as made:
        yield made


def batches_of(sizes: list[int]) -> list[pa.RecordBatch]:
    """Batches of these sizes, their rows numbered, with values of every shape beside the number."""
    made, first = [], 0
    for size in sizes:
        numbers = range(first, first + size)
        columns = {name: pa.array([values[i % 4] for i in numbers]) for name, values in ODD.items()}
        typed = {name: array.cast(pa.array(ODD[name]).type) for name, array in columns.items()}
        made.append(pa.RecordBatch.from_pydict({"n": pa.array(numbers, pa.int64()), **typed}))
        first += size
    return made


@settings(max_examples=50, deadline=None)
@given(sizes=SIZES, wanted=SIZES)
def test_each_row_is_in_one_portion(sizes: list[int], wanted: list[int]) -> None:
    portions = Portions(batches_of(sizes))
    found = [[n for batch in portions.take(rows) for n in batch["n"].to_pylist()] for rows in [*wanted, None]]
    assert [n for portion in found for n in portion] == list(range(sum(sizes)))
    left = sum(sizes)
    for rows, portion in zip(wanted, found, strict=False):
        assert len(portion) == min(rows, left)
        left -= len(portion)


@settings(max_examples=20, deadline=None)
@given(
    sizes=SIZES.filter(any),
    cuts=st.lists(st.integers(1, 9), min_size=1, max_size=12),
    held=st.sampled_from((1, 300, 2**20)),
)
def test_rows_add_up_alike_wherever_batches_end(sizes: list[int], cuts: list[int], held: int) -> None:
    batches = batches_of(sizes)
    portions = Portions(batches)
    with closing(Refinery()) as refinery, pytest.MonkeyPatch.context() as patched:
        patched.setattr(counted, "COLLECTED_BYTES", held)
        whole, parts = Sum(refinery), Sum(refinery)
        whole.add(pa.RecordBatchReader.from_batches(batches[0].schema, batches))
        for rows in [*cuts, None]:
            for batch in portions.take(rows):
                parts.collect(batch)
        assert parts.write() == whole.write()
        assert int(whole.write().split()[1]) == sum(sizes)


@pytest.mark.parametrize("column", ["n", *ODD])
def test_a_row_that_differs_adds_up_to_something_else(refinery: Refinery, column: str) -> None:
    def add(rows: pa.Table) -> str:
        found = Sum(refinery)
        found.add(rows)
        return found.write()

    rows = pa.Table.from_batches(batches_of([4]))
    seen = {add(rows)}
    for i in range(4):
        kept = [None if j == i else value for j, value in enumerate(rows[column].to_pylist())]
        if kept != rows[column].to_pylist():
            place = rows.schema.get_field_index(column)
            seen.add(add(rows.set_column(place, column, pa.array(kept, rows.schema.field(column).type))))
    assert len(seen) == 4 + (column == "n"), "every value but a NULL counts"
    assert add(pa.concat_tables([rows.slice(2), rows.slice(0, 2)])) == add(rows), "whatever the order"


def test_files_are_read_by_name_from_their_first_row_to_their_last(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        for name, first in (("b", 200_000), ("c", 400_000), ("a", 0)):
            numbers = f"SELECT i FROM range({first}, {first + 200_000}) r(i)"
            connection.execute(f"COPY ({numbers}) TO '{tmp_path / name}.parquet' (ROW_GROUP_SIZE 10000)")
    engine = open_file_reader(StopSignal())
    session = engine.connect()
    batches = session.stream(f"SELECT i FROM read_parquet('{tmp_path}/*.parquet')", {}, 8192)
    read = [n for batch in batches for n in batch["i"].to_pylist()]
    session.close()
    engine.close()
    assert read == list(range(600_000))
