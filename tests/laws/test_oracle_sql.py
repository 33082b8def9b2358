"""Law 40: what is said to Oracle stands in files, and two parsers that know nothing of each other read it."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy.dialects.oracle.base import RESERVED_WORDS
from sqlglot import exp

from dmsflow.engines.oracle_sql import LONGEST_NAME, OracleIdioms
from dmsflow.engines.standard_sql import fit_name
from tests.golden.files import FOLDER, READ, all_statements, digests, wanted
from tests.oracle.parsers import (
    SQLFLUFF_GAPS,
    SQLGLOT_GAPS,
    is_gap,
    parse_sqlfluff,
    parse_sqlglot,
)
from tests.oracle.shapes import SHAPES, oracle_statements, plan_of

TEXT = re.compile(r"'(?:[^']|'')*'")
NOT_ORACLES = (
    r"\bLIMIT\b",
    r"\bDISTINCT FROM\b",
    r"\b(TRUE|FALSE)\b",
    r"\bIF (NOT )?EXISTS\b",
    r"(WHERE|AND|OR|ON|NOT) \(?[01]\b(?! [=<>])",
    r"\bRETURNING (?!CLOB)",
    r'(FROM|JOIN|INTO|USING) ("[^"]+"\.)?"[^"]+" AS\b',
    r"\) AS \"[^\"]+\" (ON|WHERE|JOIN)\b",
    r"(?i)\b(row_number|rank|lag)\([^)]*\) OVER \(\)",
    r"\bWHEN NOT MATCHED\b",
    r"(?<!WHEN MATCHED THEN )\bUPDATE .* FROM \"[^\"]+\" (\"[^\"]+\" )?WHERE",
)
"""Words of other databases."""

COMPARING = (exp.Predicate, exp.DecodeCase, exp.Group, exp.Order, exp.Distinct, exp.Window, exp.Max, exp.Count)

FORMS = (
    "classify",
    "close",
    "collapse",
    "create_target",
    "create_target,",
    "create_unique_index",
    "define_dms_stage",
    "discard_temporaries",
    "insert",
    "keep_last",
    "note_checkpoint",
    "probe",
    "refuse",
    "refuse_duplicates",
    "verify",
)
"""A statement of each form, by its name."""


def test_the_golden_files_hold_what_is_compiled():
    files = wanted()
    assert sorted(FOLDER.glob("*.sql")) == sorted(files), 'a file is missing, or too many: "python -m tests.golden"'
    for path, text in files.items():
        assert path.read_text(encoding="utf-8") == text, f'{path.name} is of other SQL: "python -m tests.golden"'


def test_sqlglot_reads_every_statement():
    for place, sql in all_statements().items():
        if is_gap(sql, SQLGLOT_GAPS):
            continue
        try:
            parse_sqlglot(sql)
        except Exception as error:
            raise AssertionError(f"{place}: {error}") from error


def test_sqlfluff_has_read_every_statement():
    read = READ.read_text(encoding="utf-8").split()
    assert read == sorted(digests(all_statements().values())), 'not all was read: "python -m tests.golden"'


@pytest.mark.parametrize("form", FORMS)
def test_sqlfluff_reads_each_form(form: str):
    alike = [sql for place, sql in all_statements().items() if place.split(": ")[1].split(" ")[0] == form]
    parse_sqlfluff(min(alike, key=len))


def test_sqlfluff_refuses_what_is_none():
    with pytest.raises(AssertionError, match="cannot read"):
        parse_sqlfluff('MERGE INTO "t" USING "d" ON ("a" = "b") UPDATE SET "c" = 1')


def test_no_statement_is_read_by_neither():
    unread = [sql for sql in all_statements().values() if is_gap(sql, SQLGLOT_GAPS) and is_gap(sql, SQLFLUFF_GAPS)]
    assert unread == [OracleIdioms.check_deferred]


@pytest.mark.parametrize("words", NOT_ORACLES)
def test_words_that_oracle_does_not_have_are_not_written(words: str):
    """The parsers are lenient: they read some words of other databases too."""
    for place, sql in all_statements().items():
        found = re.search(words, TEXT.sub("''", sql))
        assert found is None, f"{place}: {found[0]} in {sql}"


def test_a_merge_does_nothing_but_update():
    merges = [parse_sqlglot(sql) for sql in all_statements().values() if sql.startswith("MERGE")]
    assert merges
    for merge in merges:
        assert [type(when.args["then"]) for when in merge.find_all(exp.When)] == [exp.Update]


def test_parameters_have_names_that_oracle_takes():
    reserved = {word.lower() for word in RESERVED_WORDS}
    for place, sql in all_statements().items():
        for name in re.findall(r":(\"?\w+)", TEXT.sub("''", sql)):
            assert re.fullmatch(r"[a-z]\w{0,127}", name), f"{place}: {name}"
            assert name.lower() not in reserved, f"{place}: {name}"


@pytest.mark.parametrize("shape", [shape.name for shape in SHAPES if not shape.reads])
def test_no_lob_is_compared_sorted_or_grouped(shape: str):
    """ORA-00932, which no parser knows."""
    statements = dict(oracle_statements(plan_of(shape)))
    declared = " ".join(sql for name, sql in statements.items() if name.startswith(("define", "create_target")))
    lobs = set(re.findall(r'"(\w+)" (?:CLOB|BLOB)', declared))
    assert "_dms_value" in lobs
    for name, sql in statements.items():
        if is_gap(sql, SQLGLOT_GAPS):
            continue
        for node in parse_sqlglot(sql).find_all(*COMPARING):
            if isinstance(node, exp.Is) or isinstance(node.parent, exp.Update):
                continue
            met = {column.name for column in compared(node)} & lobs
            assert not met, f"{name}: {met} in {node.sql(dialect='oracle')}"


def compared(node: exp.Expression) -> Iterator[exp.Column]:
    """The columns whose values a node compares, not those that a function or a subquery of it makes something of."""
    for part in node.iter_expressions():
        if isinstance(part, exp.Column):
            yield part
        elif isinstance(part, exp.Ordered | exp.Paren | exp.Neg | exp.Tuple):
            yield from compared(part)


def test_names_of_ours_fit():
    long = fit_name("ä" * 100, LONGEST_NAME)
    assert len(long.encode()) <= LONGEST_NAME
    assert long != fit_name("ä" * 101, LONGEST_NAME)
