"""A value has one canonical text, whichever database holds it; different values have different ones."""

import math
import struct
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dmsflow.engines.address import Address
from dmsflow.engines.digests import Typed
from dmsflow.engines.duckdb import DuckDBEngine, DuckDBSession
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.engines.generic import GenericEngine, GenericSession
from dmsflow.engines.postgresql import PostgreSQLEngine
from dmsflow.engines.postgresql_session import PostgreSQLSession
from dmsflow.engines.postgresql_sql import PostgreSQLIdioms
from dmsflow.engines.postgresql_sql import write_literal as write_postgresql
from dmsflow.model.table import DataType, TypeName
from tests import postgres

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
FIRST, LAST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)


def _single(value: float) -> float:
    return struct.unpack("f", struct.pack("f", value))[0]


KINDS: dict[str, tuple[DataType, st.SearchStrategy]] = {
    "smallint": (DataType(name=TypeName.SMALLINT), st.integers(-(2**15), 2**15 - 1)),
    "bigint": (DataType(name=TypeName.BIGINT), st.integers(-(2**63), 2**63 - 1)),
    "decimal": (
        DataType(name=TypeName.DECIMAL, precision=30, scale=4),
        st.decimals(-(10**20), 10**20, places=4),
    ),
    "fraction": (
        DataType(name=TypeName.DECIMAL, precision=4, scale=4),
        st.decimals("-0.9999", "0.9999", places=4),
    ),
    "double": (DataType(name=TypeName.DOUBLE), st.floats(allow_nan=False)),
    "real": (DataType(name=TypeName.REAL), st.floats(-1e30, 1e30, allow_subnormal=False).map(_single)),
    "boolean": (DataType(name=TypeName.BOOLEAN), st.booleans()),
    "text": (DataType(name=TypeName.TEXT), TEXTS),
    "date": (DataType(name=TypeName.DATE), st.dates()),
    "timestamp": (DataType(name=TypeName.TIMESTAMP), st.datetimes(FIRST, LAST)),
    "timestamptz": (
        DataType(name=TypeName.TIMESTAMPTZ),
        st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),
    ),
    "bytes": (DataType(name=TypeName.BYTES), st.binary(max_size=8)),
    "uuid": (DataType(name=TypeName.UUID), st.uuids()),
}


class Stores:
    """The three databases, each asked for the canonical text of values that it holds."""

    def __init__(self, folder: Path) -> None:
        self._engines = (
            DuckDBEngine(None),
            PostgreSQLEngine(Address(name="p", url=postgres.server_url(), scheme="postgresql")),
            GenericEngine(f"sqlite:///{folder}/s.db"),
        )
        self.duckdb, self.postgresql, self.sqlite = (engine.connect() for engine in self._engines)
        assert isinstance(self.duckdb, DuckDBSession)
        assert isinstance(self.postgresql, PostgreSQLSession)
        assert isinstance(self.sqlite, GenericSession)

    def close(self) -> None:
        for session in (self.duckdb, self.postgresql, self.sqlite):
            session.close()
        for engine in self._engines:
            engine.close()

    def ask(self, kind: DataType, values: list) -> list[list[tuple]]:
        """Text and digests of each value, of each database."""
        ours, theirs = DuckDBIdioms(), PostgreSQLIdioms()
        duckdb = self._select(ours.canonical_digest(unicode=True), kind)
        listed = _list(f"CAST({ours.literal(value)} AS {ours.type_sql(kind)})" for value in values)
        found = [self.duckdb.fetch(f"{duckdb} FROM (VALUES {listed}) AS t(i, v) ORDER BY i")]
        listed = _list(f"CAST({write_postgresql(value)} AS {theirs.type_sql(kind)})" for value in values)
        asked = self._select(theirs.canonical_digest(unicode=True), kind)
        found.append(self.postgresql.fetch(f"{asked} FROM (VALUES {listed}) AS t(i, v) ORDER BY i"))
        plain = self._select(theirs.canonical_digest(unicode=False), kind)
        found.append(self.postgresql.fetch(f"{plain} FROM (VALUES {listed}) AS t(i, v) ORDER BY i"))
        if kind.name is not TypeName.DOUBLE or all(not math.isnan(v) for v in values):
            found.append(self._ask_sqlite(kind, values, duckdb))
        return found

    def _ask_sqlite(self, kind: DataType, values: list, asked: str) -> list[tuple]:
        idioms = self._engines[2].idioms
        self.sqlite.execute("DROP TABLE IF EXISTS t")
        self.sqlite.execute(f"CREATE TABLE t (i INTEGER, v {idioms.type_sql(kind)})")
        rows = _list(idioms.literal(_stored(kind, value)) for value in values)
        self.sqlite.execute(f"INSERT INTO t VALUES {rows}")
        self.duckdb.register("streamed", self.sqlite.stream("SELECT i, v FROM t", {}, 100))
        try:
            typed = f"(SELECT i, CAST(v AS {DuckDBIdioms().type_sql(kind)}) AS v FROM streamed) AS t"
            return self.duckdb.fetch(f"{asked} FROM {typed} ORDER BY i")
        finally:
            self.duckdb.unregister("streamed")

    def _select(self, words, kind: DataType) -> str:
        value = [Typed(sql="v", type=kind)]
        shown = words.text(value[0]) if kind.family != "float" else "NULL"
        return f"SELECT {shown}, {words.number(value)}, {words.other_number(value)}, {words.segment(value, 61)}"


def _list(values: Iterable[str]) -> str:
    """Rows of VALUES, each with its number."""
    return ", ".join(f"({i}, {value})" for i, value in enumerate(values))


def _quote(word: str | None) -> str:
    return "NULL" if word is None else f"'{word}'"


def _stored(kind: DataType, value):
    """A decimal of many digits is text in SQLite, with all of its places."""
    return f"{value:.4f}" if isinstance(value, Decimal) else value


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with closing(Stores(tmp_path_factory.mktemp("stores"))) as opened:
        yield opened


@pytest.mark.parametrize("name", KINDS)
def test_a_canonical_text_is_the_same_in_every_database(name: str, stores: Stores):
    kind, strategy = KINDS[name]

    @settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(strategy, min_size=1, max_size=25))
    def check(values: list) -> None:
        first, *others = stores.ask(kind, values)
        for other in others:
            assert other == first
        digests = [row[1:3] for row in first]
        for value, digest in zip(values, digests):
            for another, its in zip(values, digests):
                assert (value == another) == (digest == its)

    check()


FAR = [
    (DataType(name=TypeName.DATE), ["infinity", "-infinity", "0044-03-15 BC", "12026-01-01"]),
    (DataType(name=TypeName.TIMESTAMP), ["infinity", "-infinity", "0044-03-15 01:02:03.5 BC", "12026-01-01 00:00:00"]),
    (DataType(name=TypeName.TIMESTAMPTZ), ["infinity", "-infinity", "12026-01-01 00:00:00+00"]),
    (DataType(name=TypeName.DOUBLE), ["NaN", "Infinity", "-Infinity", "-0.0"]),
    (DataType(name=TypeName.TEXT), [None, "", "~", "NULL", "1:a"]),
]


@pytest.mark.parametrize(("kind", "words"), FAR, ids=lambda it: str(it) if isinstance(it, DataType) else "")
def test_so_is_that_of_infinite_and_ancient_values(kind: DataType, words: list, stores: Stores):
    value = [Typed(sql="v", type=kind)]
    found = []
    for session, idioms in ((stores.duckdb, DuckDBIdioms()), (stores.postgresql, PostgreSQLIdioms())):
        said = idioms.canonical_digest(unicode=True)
        casts = []
        for word in words:
            text = word.replace(" BC", " (BC)") if word and idioms.row_id == "rowid" else word
            if text and "(BC)" in text and kind.family == "timestamp":
                text = text.replace("03.5 (BC)", "03.5").replace("0044-03-15 ", "0044-03-15 (BC) ")
            casts.append(f"CAST({_quote(text)} AS {idioms.type_sql(kind)})")
        listed = _list(casts)
        found.append(session.fetch(f"SELECT {said.number(value)} FROM (VALUES {listed}) AS t(i, v) ORDER BY i"))
    assert found[0] == found[1]
    assert len(set(found[0])) == len(words)


def test_zero_has_no_sign_and_there_is_one_nan(stores: Stores):
    value = [Typed(sql="v", type=DataType(name=TypeName.DOUBLE))]
    for words in (DuckDBIdioms().canonical_digest(unicode=True), DuckDBIdioms().native_digest()):
        pairs = "(CAST('0.0' AS DOUBLE), 1), ('-0.0', 1), ('nan', 2), ('-nan', 2)"
        rows = stores.duckdb.fetch(f"SELECT DISTINCT g, {words.number(value)} FROM (VALUES {pairs}) AS t(v, g)")
        assert len(rows) == 2


def test_columns_do_not_run_into_each_other(stores: Stores):
    text = DataType(name=TypeName.TEXT)
    pairs = [("a|b", "c"), ("a", "b|c"), ("1:a", ""), ("", "1:a"), (None, ""), ("", None), ("~", None), ("NULL", None)]
    for session, idioms in ((stores.duckdb, DuckDBIdioms()), (stores.postgresql, PostgreSQLIdioms())):
        for words in (idioms.canonical_digest(unicode=True), idioms.native_digest()):
            number = words.number([Typed(sql="a", type=text), Typed(sql="b", type=text)])
            rows = ", ".join(
                f"({', '.join('NULL' if v is None else chr(39) + v + chr(39) for v in pair)})" for pair in pairs
            )
            found = session.fetch(f"SELECT {number} FROM (VALUES {rows}) AS t(a, b)")
            assert len(set(found)) == len(pairs)


FOLDED = {
    "bigint": (1, 2**32),
    "timestamp": (datetime(2000, 1, 1, 0, 0, 0, 1), datetime(2000, 1, 1, 1, 11, 34, 967296)),
    "timestamptz": (datetime(2000, 1, 1, 0, 0, 0, 1, UTC), datetime(2000, 1, 1, 1, 11, 34, 967296, UTC)),
    "decimal": (Decimal(5 * 2**64 + 7).scaleb(-4), Decimal(7 * 2**64 + 5).scaleb(-4)),
    "uuid": (UUID("80000000-0000-0005-0000-000000000007"), UUID("80000000-0000-0007-0000-000000000005")),
}
"""Two values each that a database takes for one in its own hash."""


@pytest.mark.parametrize("name", FOLDED)
def test_a_native_digest_tells_values_apart_that_the_hash_of_a_database_folds(name: str, stores: Stores):
    kind = KINDS[name][0]
    for session, idioms, write in (
        (stores.duckdb, DuckDBIdioms(), DuckDBIdioms().literal),
        (stores.postgresql, PostgreSQLIdioms(), write_postgresql),
    ):
        words, value = idioms.native_digest(), [Typed(sql="v", type=kind)]
        listed = _list(f"CAST({write(one)} AS {idioms.type_sql(kind)})" for one in FOLDED[name])
        found = session.fetch(
            f"SELECT {words.number(value)}, {words.other_number(value)} FROM (VALUES {listed}) t(i, v)"
        )
        assert len({one for one, _ in found}) == len({other for _, other in found}) == 2


def test_rows_that_exchange_a_value_add_up_to_another_sum(stores: Stores):
    kinds = [DataType(name=TypeName.BIGINT), DataType(name=TypeName.BOOLEAN)]
    for session, idioms in ((stores.duckdb, DuckDBIdioms()), (stores.postgresql, PostgreSQLIdioms())):
        number = idioms.native_digest().number([Typed(sql=n, type=kind) for n, kind in zip("kv", kinds, strict=True)])
        kept, exchanged = (
            [
                session.fetch(f"SELECT sum({number}) FROM (VALUES ({i}, {first}), ({i + 1}, {not first})) AS t(k, v)")
                for i in range(20)
            ]
            for first in (True, False)
        )
        assert all(one != other for one, other in zip(kept, exchanged, strict=True))


def test_a_date_is_what_it_says(stores: Stores):
    kind, _ = KINDS["date"]
    for rows in stores.ask(kind, [date(2024, 2, 29)]):
        assert rows[0][0] == "2024-02-29"
