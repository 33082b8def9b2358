"""Every good spec loads without a word; every bad one says exactly what its comments say."""

from pathlib import Path

import pytest

from dmsflow.codes import find_entry
from dmsflow.codes.meaning import MEANING
from dmsflow.codes.reading import READING
from dmsflow.codes.shape import SHAPE
from dmsflow.compiler.load import load_spec
from tests.specs.expectations import compare, read_expectations
from tests.unit.compiler.test_document import UNREADABLE

SPECS = Path(__file__).parents[2] / "specs"
VALID = sorted((SPECS / "valid").glob("*.yaml"))
INVALID = sorted((SPECS / "invalid").glob("*.yaml"))
ELSEWHERE = {"DMS001", "DMS115", "DMS218", "DMS255"}


@pytest.mark.parametrize("file", VALID, ids=lambda file: file.stem)
def test_a_good_spec_has_no_problems(file: Path):
    loaded = load_spec(file)
    assert loaded.diagnostics == ()
    assert loaded.raise_if_rejected().pipeline
    assert len(loaded.digest) == 64


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_a_bad_spec_has_exactly_the_problems_it_names(file: Path):
    expected = read_expectations(file)
    assert expected
    assert compare(expected, load_spec(file).diagnostics) == []


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_a_bad_spec_is_named_after_its_problem(file: Path):
    entry = find_entry(file.stem.removesuffix("-on-request"))
    assert entry is not None
    assert entry.code in {code for _, _, code, _ in read_expectations(file)}


def test_every_offline_code_has_a_bad_spec_or_a_test():
    shown = {code for file in INVALID for _, _, code, _ in read_expectations(file)}
    shown |= {code for _, code, _, _ in UNREADABLE.values()} | ELSEWHERE
    assert {entry.code for entry in (*READING, *SHAPE, *MEANING)} <= shown
