"""Rows that are expected against rows that are there: equal in any order, and every difference is told."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dmsflow.rehearsal.judge import compare_rows

CELLS = st.fixed_dictionaries({"k": st.sampled_from("abc"), "v": st.sampled_from(["1", "2", None])})
ROWS = st.lists(CELLS, max_size=6)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.randoms())
def test_rows_in_another_order_are_the_same(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert list(compare_rows("row", shuffled, rows, ["k"])) == []


@settings(max_examples=60, deadline=None)
@given(ROWS, ROWS)
def test_rows_that_differ_are_never_taken_for_the_same(expected, found):
    def count(rows):
        return sorted((row["k"], str(row["v"])) for row in rows)

    assert bool(list(compare_rows("row", expected, found, ["k"]))) is (count(expected) != count(found))


def test_rows_that_name_little_leave_others_the_row_they_need():
    found = [{"k": "a", "v": "1"}, {"k": "a", "v": "2"}]
    for expected in ([{"k": "a"}, {"v": "1"}], [{"v": "1"}, {"k": "a"}], [{"k": "a"}, {"v": "2"}]):
        assert list(compare_rows("row", expected, found, ["k"])) == []


def test_a_column_that_is_not_named_may_have_any_value():
    assert list(compare_rows("row", [{"k": "a"}], [{"k": "a", "v": "1"}], ["k"])) == []
    (difference,) = compare_rows("row", [{"k": "a", "v": None}], [{"k": "a", "v": "1"}], ["k"])
    assert (difference.about, difference.expected, difference.found) == ("row k: a, v", "NULL", "1")
