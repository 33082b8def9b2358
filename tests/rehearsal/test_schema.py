"""The JSON Schema of spec tests: closed, described, with examples that hold, and in step with the run report."""

import json

import pytest
from jsonschema import Draft202012Validator

from dmsflow.compiler.schema_file import TEST_SCHEMA_NAME, read_schema_text
from dmsflow.marks.reject import Reject
from dmsflow.model.result import RowCounts
from tests.unit.compiler.test_schema import walk

TEXT = read_schema_text(TEST_SCHEMA_NAME)
SCHEMA = json.loads(TEXT)
DEFS = SCHEMA["$defs"]
PARTS = dict(walk(SCHEMA))


@pytest.mark.parametrize("path", [path for path, part in PARTS.items() if "examples" in part], ids="/".join)
def test_every_example_holds(path):
    part = {**PARTS[path], "$defs": DEFS}
    for example in part["examples"]:
        assert list(Draft202012Validator(part).iter_errors(example)) == []


def test_every_mapping_is_closed_and_every_key_is_described_with_an_example():
    Draft202012Validator.check_schema(SCHEMA)
    assert "oneOf" not in TEXT
    assert "anyOf" not in TEXT
    for path, part in PARTS.items():
        if "properties" in part:
            assert part["additionalProperties"] is False, path
        for name, key in part.get("properties", {}).items():
            target = DEFS.get(key.get("$ref", "").rpartition("/")[2], {})
            assert key.get("description") or target.get("description"), (path, name)
            assert key.get("examples") or target.get("examples"), (path, name)


def test_what_can_be_expected_is_what_a_run_tells():
    assert set(DEFS["counts"]["properties"]) == set(RowCounts.__struct_fields__)
    told = {"row_key": "key"}
    parts = {told.get(name, name) for name in Reject.__struct_fields__} - {"chunk"}
    assert set(DEFS["reject"]["properties"]) == parts
