"""The catalogue: unique, complete, in the words of the house."""

import re
from pathlib import Path

import pytest

import dmsflow
from dmsflow.codes import CATALOGUE, find_entry, slug_of

PACKAGE = Path(dmsflow.__file__).parent
ENTRIES = [
    entry
    for file in sorted((PACKAGE / "codes").glob("*.py"))
    for entry in re.findall(r'code="(DMS\d{3})"', file.read_text(encoding="utf-8"))
]


def test_codes_and_slugs_are_unique():
    assert len(ENTRIES) == len(set(ENTRIES)) == len(CATALOGUE)
    assert len({entry.slug for entry in CATALOGUE.values()}) == len(CATALOGUE)


def test_every_code_has_an_entry_and_every_entry_a_use():
    used = {
        code
        for file in PACKAGE.rglob("*.py")
        if file.parent.name != "codes"
        for code in re.findall(r"DMS\d{3}", file.read_text(encoding="utf-8"))
    }
    assert used == set(CATALOGUE)


def test_a_message_that_begins_with_a_code_has_its_slug():
    named = [
        found
        for file in PACKAGE.rglob("*.py")
        for found in re.findall(r"['\"](DMS4\d{2}) ([a-z-]+)", file.read_text(encoding="utf-8"))
    ]
    assert {code for code, _ in named} == {code for code in CATALOGUE if code >= "DMS4"}
    assert all(slug_of(code) == slug for code, slug in named)


@pytest.mark.parametrize("code", CATALOGUE)
def test_an_entry_reads_well(code: str):
    entry = CATALOGUE[code]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.slug)
    assert entry.why.endswith(".")
    assert entry.cure.endswith(".")
    assert entry.mistake
    for text in (entry.why, entry.cure):
        assert "invalid" not in text.lower()
        assert "please" not in text.lower()


def test_an_entry_is_found_by_code_and_by_slug():
    assert find_entry("dms101") is find_entry("unknown-key") is find_entry("UNKNOWN_KEY")
    assert find_entry("nothing") is None
    assert (slug_of("DMS101"), slug_of("DMS999")) == ("unknown-key", "dms999")
