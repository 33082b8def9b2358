"""The JSON Schema itself: closed, described, with examples that hold, and in step with the model."""

import json
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dmsflow.compiler.decode_scd import DMS_FIELDS
from dmsflow.compiler.literals import LiteralError, parse_duration, parse_table_name, parse_timestamp, parse_type
from dmsflow.compiler.schema_file import read_schema_text
from dmsflow.model.checks import CheckKind, CheckOn, CheckSeverity
from dmsflow.model.deletes import DeleteScope
from dmsflow.model.evolution import Allowance, Evolve
from dmsflow.model.guards import GuardName
from dmsflow.model.spec import Deletes, Detect, Fields, Grain, Kind, Scd, Strategy, UniqueIndex
from dmsflow.model.surrogate import KeyFrom
from dmsflow.model.table import TypeName

SCHEMA = json.loads(read_schema_text())
DEFS = SCHEMA["$defs"]


Route = tuple[str, ...]


def walk(schema: object, path: Route = ()) -> Iterator[tuple[Route, dict[str, Any]]]:
    """Every subschema with its path."""
    if isinstance(schema, dict):
        yield path, schema
        for key in ("properties", "$defs"):
            for name, part in schema.get(key, {}).items():
                yield from walk(part, (*path, name))
        for key in ("items", "then", "else", "additionalProperties"):
            yield from walk(schema.get(key), (*path, key))


PARTS = dict(walk(SCHEMA))


def test_it_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", [path for path, part in PARTS.items() if "examples" in part], ids="/".join)
def test_every_example_holds(path: Route):
    part = {**PARTS[path], "$defs": DEFS}
    for example in part["examples"]:
        assert list(Draft202012Validator(part).iter_errors(example)) == []


@pytest.mark.parametrize("path", [path for path, part in PARTS.items() if "default" in part], ids="/".join)
def test_every_default_holds(path: Route):
    part = {**PARTS[path], "$defs": DEFS}
    assert list(Draft202012Validator(part).iter_errors(part["default"])) == []


def test_every_mapping_is_closed():
    for path, part in PARTS.items():
        if "properties" in part:
            assert part["additionalProperties"] is False, path


def test_every_key_has_a_description_and_an_example():
    for path, part in PARTS.items():
        for name, key in part.get("properties", {}).items():
            target = DEFS.get(key.get("$ref", "").rpartition("/")[2], {})
            assert key.get("description") or target.get("description"), (path, name)
            assert key.get("examples") or target.get("examples"), (path, name)


def test_no_cause_is_hidden():
    text = read_schema_text()
    assert "oneOf" not in text
    assert "anyOf" not in text


def values(enum: type[StrEnum]):
    return [member.value for member in enum]


def test_the_choices_are_those_of_the_model():
    scd, source, target = (DEFS[name]["properties"] for name in ("scd", "source", "target"))
    assert DEFS["deleteMode"]["enum"] == values(Deletes)
    check, scope = (DEFS[name]["properties"] for name in ("check", "deleteScope"))
    assert check["on"]["enum"] == values(CheckOn)
    assert check["severity"]["enum"] == values(CheckSeverity)
    assert {*values(CheckKind)} == {*check} - {"name", "on", "severity", "where"}
    assert {*values(DeleteScope)} - {"source"} == {*scope} - {"values"}
    assert {*values(GuardName)} == {*DEFS["guards"]["properties"]}
    assert scd["detect"]["enum"] == values(Detect)
    assert source["grain"]["enum"] == values(Grain)
    assert target["kind"]["enum"] == values(Kind)
    allowed = DEFS["evolve"]["properties"]
    assert [*allowed] == [*Evolve.__struct_fields__]
    assert {word for key in allowed.values() for word in key["enum"]} == {*values(Allowance)}
    assert all(key["default"] == getattr(Evolve(), name) for name, key in allowed.items())
    assert target["unique_index"]["enum"] == values(UniqueIndex)
    assert DEFS["strategy"]["enum"] == values(Strategy)
    assert set(DEFS["fields"]["properties"]) == set(Fields.__slots__)
    assert {*scd, "within", "surrogate"} == set(Scd.__slots__), "they stand within deletes, and within fields"
    assert DEFS["surrogateKey"]["properties"]["from"]["enum"] == values(KeyFrom)
    assert all(getattr(DMS_FIELDS, name) in scd["fields"]["description"] for name in Fields.__slots__)
    for name in set(values(TypeName)) - {"hugeint", "other"}:
        assert name in DEFS["dataType"]["pattern"]


@pytest.mark.parametrize(
    ("part", "parse", "texts"),
    [
        ("duration", parse_duration, ["10m", "60", "", "1h30m", "1.5s", "x", "m", "-1s", "1h 30m"]),
        ("tableName", parse_table_name, ["a", "a.b", "a.b.c.d", '"a b".c', "a b", ".", "a.", '"a"b', '""', 'x"']),
        ("timestamp", parse_timestamp, ["2020-01-01", "2020-01-01 10:00", "2020", "x", "2020-01-01T10:00:00Z"]),
        ("dataType", parse_type, ["text", "int", "decimal(3,1)", "varchar(3)", "varchar()", "date(3)", "TEXT"]),
    ],
)
def test_the_patterns_agree_with_the_parsers(part: str, parse: Callable[[str], object], texts: list[str]):
    validator = Draft202012Validator({**DEFS[part], "$defs": DEFS})
    for text in texts:
        try:
            parse(text)
            is_read = True
        except LiteralError:
            is_read = False
        if text != "2020":
            assert validator.is_valid(text) is is_read, text
