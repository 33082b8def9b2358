"""Surrogate keys from names: every database makes those that Python makes."""

from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dmsflow.engines.name_keys import make_key
from dmsflow.model.table import DataType, TypeName

TYPES = (
    DataType(name=TypeName.BIGINT),
    DataType(name=TypeName.DECIMAL, precision=9, scale=2),
    DataType(name=TypeName.BOOLEAN),
    DataType(name=TypeName.TEXT),
    DataType(name=TypeName.DATE),
    DataType(name=TypeName.TIMESTAMP),
    DataType(name=TypeName.UUID),
)
MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))
NAMED = st.tuples(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-999999999, 999999999).map(lambda cents: Decimal(cents).scaleb(-2)),
    st.booleans(),
    st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    st.dates(),
    MOMENTS,
    st.uuids(),
)


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(values=st.lists(NAMED, min_size=1, max_size=20))
def test_every_database_makes_the_key_that_python_makes(lab, values):
    template = lab.idioms.name_key(TYPES)
    with closing(lab.engine.connect()) as session:
        for row in values:
            literals = [lab.idioms.constant(value, kind) for value, kind in zip(row, TYPES, strict=True)]
            found = session.fetch(f"SELECT CAST({template.format(*literals)} AS VARCHAR(36))")[0][0]
            assert found == str(make_key(row)), row


def test_a_value_without_one_text_names_nothing(lab):
    for name in (TypeName.DOUBLE, TypeName.JSON, TypeName.BYTES, TypeName.OTHER):
        assert lab.idioms.name_key([DataType(name=name)]) is None


def test_names_are_told_apart():
    assert make_key([datetime(2024, 1, 1, tzinfo=UTC)]) == make_key([datetime(2024, 1, 1)])
    assert make_key([date(2024, 1, 1)]) != make_key([datetime(2024, 1, 1)])
    assert make_key(["a", "b"]) != make_key(["ab", ""])
    assert make_key([1]).version == 8
