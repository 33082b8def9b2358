"""A spec file to a PipelineSpec: defaults, short forms, parameters, connections, digest."""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dmsflow.compiler.document import parse_text
from dmsflow.compiler.load import NO_SETTINGS, LoadedSpec, load_document, load_spec
from dmsflow.errors import SpecRejected
from dmsflow.model.guards import Guards
from dmsflow.model.spec import ColumnSpec, Fields, Policy, ScdType, Strategy
from dmsflow.model.table import DataType, TypeName

SPEC = """\
version: 1
pipeline: orders
source: {connection: wh, table: sales.orders}
target: {connection: wh, table: dw.orders, kind: dimension}
key: [order_id]
scd: 2
connections: {wh: "duckdb:///warehouse.duckdb"}
"""


Load = Callable[..., LoadedSpec]


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    """A folder below the test's own: what is written above it is found by no other test."""
    folder = tmp_path / "specs"
    folder.mkdir()
    return folder


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load_text(text: str, settings: Mapping[str, str] = NO_SETTINGS, **options: bool) -> LoadedSpec:
        file = tmp_path / "orders.yaml"
        file.write_text(text, encoding="utf-8")
        return load_spec(file, settings, **options)

    return load_text


def test_the_short_forms_mean_the_long_ones(load: Load):
    short = load(SPEC + "checkpoint: none\ncolumns: {order_id: id, name: }\n").raise_if_rejected()
    long = load(
        SPEC.replace("scd: 2", "scd: {type: 2}")
        + "checkpoint: {strategy: none}\ncolumns: {order_id: {from: id}, name: {from: name}}\n"
    ).raise_if_rejected()
    assert short == long
    assert short.scd.type is ScdType.HISTORY
    assert short.checkpoint.strategy is Strategy.NONE
    assert short.columns == (ColumnSpec(name="order_id", source="id"), ColumnSpec(name="name", source="name"))


def test_a_dimension_has_a_surrogate_key_by_default(load: Load):
    assert load(SPEC).raise_if_rejected().scd.fields.surrogate_key == "orders_sk"
    assert load(SPEC.replace("dimension", "fact")).raise_if_rejected().scd.fields == Fields()
    none = SPEC.replace("scd: 2", "scd: {type: 2, fields: {surrogate_key: null}}")
    assert load(none).raise_if_rejected().scd.fields.surrogate_key is None


def test_the_dms_preset_names_the_engine_columns(load: Load):
    fields = load(SPEC.replace("scd: 2", "scd: {type: 2, fields: dms}")).raise_if_rejected().scd.fields
    assert (fields.surrogate_key, fields.row_hash, fields.is_current) == ("SKEY", "RWHKEY", "CURFLG")
    assert (fields.valid_from, fields.valid_to) == ("FROMDT", "TODT")
    assert (fields.inserted_at, fields.modified_at, fields.is_deleted) == ("RECCRDT", "RECUPDT", "DELFLG")


def test_guards_hold_where_deletes_are_on(load: Load):
    assert load(SPEC).raise_if_rejected().guards == Guards()
    closing = SPEC.replace("scd: 2", "scd: {type: 2, deletes: close}")
    assert load(closing).raise_if_rejected().guards == Guards(min_rows=1, max_close_percent=50.0)
    off = closing + "guards: {max_close_percent: null, min_rows: 0}\n"
    assert load(off).raise_if_rejected().guards == Guards(min_rows=0, max_close_percent=None)


def test_a_percent_alone_lifts_the_default_limit_of_rejects(load: Load):
    assert load(SPEC).raise_if_rejected().errors.max_rows == 0
    assert load(SPEC + "errors: {max_percent: 1}\n").raise_if_rejected().errors.max_rows == 2**63 - 1
    assert load(SPEC + "errors: {max_percent: 1, max_rows: 5}\n").raise_if_rejected().errors.max_rows == 5


def test_times_and_numbers_are_typed(load: Load):
    spec = load(
        SPEC.replace("scd: 2", "scd: {type: 2, open_end: null, first_valid_from: 1900-01-01}")
        + "checkpoint: {columns: [updated_at], settle: 1h30m}\nparallel: {chunk_rows: 500}\nretry: {max_delay: 5s}\n"
    ).raise_if_rejected()
    assert (spec.scd.open_end, spec.scd.first_valid_from) == (None, datetime(1900, 1, 1))
    assert spec.checkpoint.settle == timedelta(minutes=90)
    assert (spec.parallel.chunk_rows, spec.retry.max_delay) == (500, timedelta(seconds=5))


def test_constants_keep_every_digit(load: Load):
    spec = load(
        SPEC + "columns:\n  order_id:\n  big: {value: 123456789012345678.123456789}\n"
        "  day: {value: 2020-01-01, type: date}\n"
        "  flag: {value: true, scd: ignore}\n  text: {value: '007'}\n"
    ).raise_if_rejected()
    values = {column.name: column.value for column in spec.columns if column.has_value}
    assert values == {
        "big": Decimal("123456789012345678.123456789"),
        "day": date(2020, 1, 1),
        "flag": True,
        "text": "007",
    }
    assert spec.columns[3].policy is Policy.IGNORE
    assert spec.columns[2].type == DataType(name=TypeName.DATE)


PARAMS = (
    SPEC.replace("sales.orders}", 'sales.orders, where: "day >= ${param:since}"}') + "params: {since: {type: date}}\n"
)


def test_set_gives_a_parameter_its_typed_value(load: Load):
    assert load(PARAMS, {"since": "2026-01-01"}).raise_if_rejected().params[0].value == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("settings", "code"),
    [({}, "DMS256"), ({"since": "soon"}, "DMS111"), ({"since": "2026-01-01", "sicne": "1"}, "DMS255")],
)
def test_a_wrong_setting_is_a_diagnostic(load: Load, settings: dict[str, str], code: str):
    loaded = load(PARAMS, settings)
    assert [problem.code for problem in loaded.diagnostics] == [code]
    with pytest.raises(SpecRejected) as caught:
        loaded.raise_if_rejected()
    assert caught.value.diagnostics == loaded.diagnostics


def test_validate_needs_no_values(load: Load):
    assert load(PARAMS, params_required=False).raise_if_rejected().params[0].value is None


def test_the_nearest_connections_file_is_joined_and_holds_the_ledger(load: Load, tmp_path: Path):
    spec = load(SPEC).raise_if_rejected()
    assert spec.ledger_folder == str(tmp_path)
    (tmp_path.parent / "connections.yaml").write_text("connections: {wh: 'sqlite:///a', far: 'sqlite:///b'}\n")
    far = load(SPEC).raise_if_rejected()
    assert far.ledger_folder == str(tmp_path.parent)
    assert far.connection("wh").file == str(tmp_path / "orders.yaml")
    assert far.connection("far").file == str(tmp_path.parent / "connections.yaml")
    (tmp_path / "connections.yaml").write_text("connections: {near: {url: 'sqlite:///c', options: {timeout: 5}}}\n")
    near = load(SPEC).raise_if_rejected()
    assert near.ledger_folder == str(tmp_path)
    assert [connection.name for connection in near.connections] == ["wh", "near"]
    assert near.connection("near").options == (("timeout", 5),)


def test_connections_above_a_repository_are_not_picked_up(load: Load, tmp_path: Path):
    (tmp_path.parent / "connections.yaml").write_text("connections: {far: 'sqlite:///b'}\n")
    (tmp_path / ".git").mkdir()
    assert load(SPEC).raise_if_rejected().ledger_folder == str(tmp_path)


def test_a_problem_of_the_connections_file_stands_in_that_file(load: Load, tmp_path: Path):
    (tmp_path / "connections.yaml").write_text("connections:\n  far: {url: 'sqlite:///b', user: x}\n")
    problem = load(SPEC).diagnostics[0]
    assert (problem.code, problem.position.line) == ("DMS101", 2)
    assert problem.position.file == str(tmp_path / "connections.yaml")
    (tmp_path / "connections.yaml").write_text("connections:\n  crm: {url: 'mysql://b'}\n")
    problem = load(SPEC.replace("connection: wh, table: sales", "connection: crm, table: sales")).diagnostics[0]
    assert (problem.code, problem.position.line) == ("DMS207", 2)
    assert problem.position.file == str(tmp_path / "connections.yaml")


def test_no_secret_is_shown_by_a_repr(load: Load):
    loaded = load(
        SPEC.replace('"duckdb:///warehouse.duckdb"', '{url: "duckdb:///w", password: hunter2, options: {t: hunter2}}')
    )
    assert "hunter2" not in repr(loaded)
    assert all("hunter2" not in f"{problem}" for problem in loaded.diagnostics)


def test_files_are_absolute_and_belong_to_the_spec(load: Load, tmp_path: Path):
    spec = load(SPEC.replace("{connection: wh, table: sales.orders}", "{file: data/*.csv}")).raise_if_rejected()
    assert spec.source.file == str(tmp_path / "data" / "*.csv")


def test_the_digest_follows_the_meaning(load: Load, tmp_path: Path):
    digest = load(SPEC).digest
    assert load(SPEC.replace("key: [order_id]", "key:\n- order_id # the same")).digest == digest
    assert load(SPEC + "description: new words\n").digest == digest
    assert load(SPEC.replace("warehouse.duckdb", "other.duckdb")).digest == digest
    assert load(SPEC.replace("scd: 2", "scd: 1")).digest != digest
    since = {"since": "2026-01-01"}
    assert load(PARAMS, since).digest != load(PARAMS, {"since": "2026-01-02"}).digest
    files = SPEC.replace("{connection: wh, table: sales.orders}", "{file: data/*.csv}")
    elsewhere = tmp_path / "moved"
    elsewhere.mkdir()
    (elsewhere / "orders.yaml").write_text(files)
    assert load(files).digest == load_spec(elsewhere / "orders.yaml").digest


def test_problems_of_shape_and_of_meaning_are_told_together(load: Load):
    loaded = load(SPEC + "retry: {attempt: 4}\nparallel: {executor: dask}\n")
    assert [problem.code for problem in loaded.diagnostics] == ["DMS101", "DMS242"]
    assert loaded.spec is None


def test_what_may_only_follow_from_an_unknown_key_is_left_out(load: Load):
    loaded = load(SPEC.replace("table: sales.orders", "tabel: sales.orders"))
    assert [problem.code for problem in loaded.diagnostics] == ["DMS101"]


def test_a_place_inside_a_block_of_sql(load: Load):
    query = "source:\n  connection: wh\n  query: |\n    select a,\n      b from t where where x\n"
    loaded = load(SPEC.replace("source: {connection: wh, table: sales.orders}\n", query))
    assert [(problem.position.line, problem.position.column) for problem in loaded.diagnostics] == [(7, 22)]


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "2", "close", "10m", "${env:X}", "a.b"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "from", "a", "url"]), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = (
    "source",
    "target",
    "key",
    "columns",
    "scd",
    "checkpoint",
    "parallel",
    "params",
    "checks",
    "connections",
    "guards",
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(KEYS), JSON_LIKE)
def test_no_value_of_a_key_raises(key: str, value: object):
    lines = [line for line in SPEC.splitlines() if not line.startswith(f"{key}:")]
    text = "\n".join((*lines, f"{key}: {json.dumps(value)}", ""))
    loaded = load_document(parse_text(text, str(Path("orders.yaml"))))
    for problem in loaded.diagnostics:
        assert problem.position is not None
        assert problem.position.column >= 1
