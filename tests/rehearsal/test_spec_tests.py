"""``dmsflow test``: what is expected is compared exactly, what differs is told, and every example has its tests."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.flows.shell import PIPELINES
from tests.laws.lab import Lab, Outcome

SPEC = {
    "source": {"connection": "crm", "table": "customers", "where": "created < now()"},
    "key": ["id"],
    "columns": {"id": {"type": "bigint"}, "name": {"type": "varchar(9)"}, "seen": {"expr": "cast(now() as date)"}},
    "scd": {"type": 2, "deletes": "close"},
    "connections": {"crm": {"url": "postgresql://crm.example.com/x"}, "dwh": {"url": "${env:DMSFLOW_NO_SUCH_URL}"}},
}
STEPS = """
    steps:
      - given:
          source: [{id: 1, name: Ann, created: 2024-01-01}, {id: 2, name: Bob, created: 2024-03-01}]
        run_at: 2024-02-01 08:00:00
        expect:
          counts: {inserted: 1}
          target: [{id: 1, name: Ann, seen: 2024-02-01, valid_from: 2024-02-01 08:00:00}]
"""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A folder with a spec."""
    lab = Lab(tmp_path)
    lab.spec(**SPEC)
    return lab


def run(lab: Lab, tests: str, *words: str) -> Outcome:
    (lab.folder / "p_tests.yaml").write_text(f"version: 1\nspec: p.yaml\ntests:\n{tests}")
    return lab.run("test", lab.folder, *words)


def test_every_example_has_tests_and_they_pass():
    ran = Lab(PIPELINES).run("test", PIPELINES, "--format", "json")
    assert ran.code == 0, ran.out
    tested = {result["pipeline"] for result in json.loads(ran.out)}
    assert tested == {path.stem for path in PIPELINES.glob("*.yaml")} - {"connections"}


def test_a_step_runs_at_its_instant_and_the_next_one_finds_what_it_left(lab: Lab):
    ran = run(
        lab,
        f"""
  - name: a history{STEPS}
      - run_at: 2024-04-01
        expect:
          counts: {{inserted: 1, unchanged: 0, versioned: 1}}
          target:
            - {{id: 1, valid_to: 2024-04-01, seen: 2024-02-01}}
            - {{id: 1, valid_from: 2024-04-01, is_current: true, seen: 2024-04-01}}
            - {{id: 2, is_current: true}}
""",
    )
    assert ran.code == 0, ran.out
    assert "1 test passed" in ran.out


def test_what_differs_is_told_row_by_row_with_its_step_and_line(lab: Lab):
    junit = lab.folder / "junit.xml"
    tests = f"""
  - name: a wrong name{STEPS.replace("target: [{id: 1, name: Ann", "target: [{id: 1, name: Eve")}
  - name: a wrong row{STEPS.replace("target: [{id: 1", "target: [{id: 3")}
  - name: a wrong count{STEPS.replace("inserted: 1", "inserted: 2")}
  - name: a wrong column{STEPS.replace("seen: 2024", "sen: 2024")}
  - name: right{STEPS}
"""
    ran = run(lab, tests, "--junit", str(junit), "--workers", "3")
    assert ran.code == 3
    assert "FAIL a wrong name (step 1, line 10)" in ran.out
    told = " ".join(ran.out.split())
    assert "row id: 1, valid_from: 2024-02-01 08:00:00, name - expected Eve + found Ann" in told
    assert "row is missing - expected id: 3, name: Ann" in told
    assert "row is not expected + found id: 1, valid_from" in told
    assert "rows inserted - expected 2 + found 1" in told
    assert 'did you mean "seen"?' in told
    assert "1 test passed, 4 failed" in ran.out
    suites = ElementTree.parse(junit).getroot()
    assert (suites.attrib["tests"], suites.attrib["failures"], suites.attrib["errors"]) == ("5", "4", "0")
    failure = suites.find("testsuite/testcase[@name='a wrong name']/failure")
    assert failure is not None
    assert "expected Eve, found Ann" in str(failure.text)


def test_a_reject_is_compared_by_the_parts_that_are_named(lab: Lab):
    given = "given: {source: [{id: 1, name: a longer name, created: 2024-01-01}]}, run_at: 2025-01-01"
    reject = "{key: {id: 1}, column: name, value: a longer name}"
    tests = "".join(
        f"  - {{name: {name}, steps: [{{{given}, expect: {{{expect}}}}}]}}\n"
        for name, expect in (
            ("right", f"status: failed, rejects: [{reject}]"),
            ("status is not named", f"rejects: [{reject}]"),
            ("another column", f"status: failed, rejects: [{reject.replace('column: name', 'column: id')}]"),
            ("none", "status: failed, rejects: []"),
        )
    )
    ran = run(lab, tests, "--format", "json")
    results = {result["name"]: result["differences"] for result in json.loads(ran.out)}
    assert results["right"] == []
    assert [difference["about"] for difference in results["status is not named"]] == ["status"]
    assert [difference["expected"] for difference in results["another column"]] == ["id"]
    assert [difference["about"] for difference in results["none"]] == ["reject is not expected"]


def test_a_spec_that_is_rejected_is_an_error_of_its_tests(lab: Lab):
    lab.spec(**(SPEC | {"columns": {"id": {}, "name": {"expr": "xml_is_well_formed(name)"}}}))
    junit = lab.folder / "junit.xml"
    ran = run(lab, f"  - name: t{STEPS}", "--junit", str(junit))
    assert ran.code == 3
    assert "DMS330 there is no translation of XML_IS_WELL_FORMED" in ran.out
    assert ElementTree.parse(junit).getroot().attrib["errors"] == "1"


@pytest.mark.parametrize(
    ("tests", "code", "told"),
    [
        ("  - {name: t, step: []}", 1, 'did you mean "steps"?'),
        ("  - {name: t, steps: [{expect: {taget: []}}]}", 1, 'did you mean "target"?'),
        ("  - {name: t, steps: [{expect: {counts: {insertd: 1}}}]}", 1, 'did you mean "inserted"?'),
        ("  - {name: t, steps: [{run_at: noon, expect: {}}]}", 1, "DMS109"),
        ("  - {name: t, steps: [{expect: {}}]}\n  - {name: t, steps: [{expect: {}}]}", 1, "DMS113"),
        ("  - {name: t, steps: [{expect: {}}, {given: {target: []}, expect: {}}]}", 1, "DMS115"),
        ("  - {name: t, steps: [{expect: {}}]}", 3, "gives no rows of"),
        ("  - {name: t, steps: [{params: {x: 1}, expect: {}}]}", 3, "DMS255"),
    ],
)
def test_a_file_that_is_no_test_is_refused_with_what_to_do(tests, code, told, lab: Lab):
    ran = run(lab, tests)
    assert ran.code == code
    assert told in ran.out + ran.err


def test_a_spec_that_is_not_there_is_told(lab: Lab):
    (lab.folder / "x.yaml").write_text("version: 1\nspec: nowhere.yaml\ntests: [{name: t, steps: [{expect: {}}]}]\n")
    ran = lab.run("test", lab.folder / "x.yaml")
    assert (ran.code, "DMS001" in ran.err) == (1, True)
    assert lab.run("test", lab.folder / "nothing").code == 2
    (lab.folder / "x.yaml").unlink()
    assert "there are no spec tests here" in lab.run("test", lab.folder).err


def test_null_and_texts_that_look_like_it_are_told_apart(lab: Lab):
    given = "given: {source: [{id: 1, name: '', created: 2024-01-01}, {id: 2, name: 'NULL', created: 2024-01-01}]}"
    tests = f"""
  - name: t
    steps:
      - {given}
        run_at: 2025-01-01
        expect: {{target: [{{id: 1, name: null}}, {{id: 2, name: null}}]}}
"""
    differences = json.loads(run(lab, tests, "--format", "json").out)[0]["differences"]
    assert [(d["expected"], d["found"]) for d in differences] == [
        ("NULL", '""'),
        ("NULL", '"NULL"'),
    ]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("[{id: 1, name: a, NAME: b}]", 'a row in line 6 of {} has "name" and "NAME": keep one of the two'),
        ("[{id: 1, '': b}]", "a row in line 6 of {} has a column without a name"),
    ],
)
def test_a_column_of_a_given_row_has_one_name(rows, told, lab: Lab):
    step = f"given: {{source: {rows}}}\n        expect: {{}}"
    ran = run(lab, f"  - name: t\n    steps:\n      - {step}\n")
    assert ran.code == 3
    assert told.format(lab.folder / "p_tests.yaml") in ran.out


def test_columns_are_the_same_in_any_letters(lab: Lab):
    lab.spec(**(SPEC | {"source": {"connection": "crm", "table": "customers"}}))
    rows = "[{id: 1, name: a, created: 2024-01-01}, {ID: 2, Name: b}]"
    wanted = "target: [{ID: 1, name: a}, {id: 2, NAME: b}]"
    ran = run(lab, f"  - name: t\n    steps:\n      - given: {{source: {rows}}}\n        expect: {{{wanted}}}\n")
    assert ran.code == 0, ran.out
    twice = wanted.replace("name: a", "name: a, NAME: b")
    ran = run(lab, f"  - name: t\n    steps:\n      - given: {{source: {rows}}}\n        expect: {{{twice}}}\n")
    assert (ran.code, 'also under "name"' in ran.out) == (3, True)


def test_one_broken_file_among_many_is_told(lab: Lab):
    """A file of tests that is no YAML, or nothing that can be decoded, is not passed over."""
    for broken in (b"version: 1\nspec: [\ntests:\n", b"\xff\xfe\x00spec"):
        (lab.folder / "broken.yaml").write_bytes(broken)
        ran = run(lab, f"  - name: t{STEPS}")
        assert ran.code == 1, ran.out
        assert "broken.yaml" in ran.err
    (lab.folder / "broken.yaml").write_text("no: {tests\n")
    assert run(lab, f"  - name: t{STEPS}").code == 0


def test_junit_is_xml_whatever_a_test_is_called(lab: Lab):
    junit = lab.folder / "junit.xml"
    name = '"<b> & ]]> \\uFFFE \\uFFFF \\x01 \\e[31m"'
    assert run(lab, f"  - name: {name}{STEPS}", "--junit", str(junit)).code == 0
    assert ElementTree.parse(junit).getroot().attrib["tests"] == "1"
    ran = run(lab, f"  - name: t{STEPS}", "--junit", str(lab.folder / "nowhere" / "junit.xml"))
    assert (ran.code, ran.out) == (2, ""), "it is said before the tests run"


def test_a_missing_key_of_an_entry_is_told_without_its_number(lab: Lab):
    assert 'key "steps" is missing in this entry' in run(lab, "  - {name: t}").err


def test_what_comes_of_checks_is_expected_by_name(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    checks = [
        {"name": "short", "expr": "length(name) < 4", "severity": "warning"},
        {"name": "one_name", "on": "staged", "unique": ["name"]},
        {"name": "few", "on": "result", "expr": "count(*)::int / 2 < 2"},
        {"name": "enough", "on": "staged", "rows": {"min": 1000}},
        {"name": "referred", "on": "staged", "references": {"columns": ["name"], "table": "names"}},
    ]
    spec = {**SPEC, "connections": SPEC["connections"] | {"dwh": {"url": "postgresql://dwh.example.com/x"}}}
    lab.spec(**spec, checks=checks)
    tests = """
  - name: checks
    steps:
      - given: {source: [{id: 1, name: Anna, created: 1990-01-01}, {id: 2, name: Bob, created: 1990-01-01}]}
        expect: {checks: {short: warned, one_name: passed, few: passed}}
      - given: {source: [{id: 1, name: Bob, created: 1990-01-01}, {id: 2, name: Bob, created: 1990-01-01}]}
        expect: {status: failed, checks: {one_name: failed}, counts: {read: 0}}
      - given: {source: [{id: 1, name: Bob, created: 1990-01-01}]}
        expect: {checks: {short: warned, shorter: passed}}
"""
    told = run(lab, tests, "--format", "json").out
    differences = json.loads(told)[0]["differences"]
    assert [(one["about"], one["expected"], one["found"]) for one in differences] == [
        ("check short", "warned", "passed"),
        ("check shorter", "passed", 'did you mean "short"?'),
    ]


def test_a_step_may_have_the_spec_of_before_a_change(lab: Lab):
    old = lab.spec(name="old", **{**SPEC, "columns": {"id": {"type": "bigint"}, "name": {"type": "varchar(9)"}}})
    lab.spec(**{**SPEC, "target": {"evolve": "add"}})
    tests = f"""
  - name: a column is added
    steps:
      - spec: {old.name}
        given:
          source: [{{id: 1, name: Ann, created: 1999-01-01}}]
        expect: {{counts: {{inserted: 1}}, target: [{{id: 1, name: Ann}}]}}
      - expect: {{counts: {{updated: 1, versioned: 0}}, target: [{{id: 1, seen: 2000-01-02}}]}}
"""
    assert (ran := run(lab, tests)).code == 0, ran.out
    ran = run(lab, tests.replace(old.name, "older.yaml"))
    assert ran.code == 1
    assert "DMS001" in ran.told + ran.out and "older.yaml" in ran.told + ran.out


def test_a_plan_without_guards_is_none_for_a_step_with_guards(lab: Lab):
    lab.spec(**SPEC | {"scd": 2, "guards": {"max_change_percent": 10}})
    tests = """
  - name: the guard holds where it is asked for
    steps:
      - given:
          source: [{id: 1, name: Ann, created: 1999-01-01}, {id: 2, name: Bob, created: 1999-01-01}]
        expect: {counts: {inserted: 2}}
      - given:
          source: [{id: 1, name: Eve, created: 1999-01-01}, {id: 2, name: Bob, created: 1999-01-01}]
        expect: {counts: {versioned: 2}}
      - given:
          source: [{id: 1, name: Joe, created: 1999-01-01}, {id: 2, name: Bob, created: 1999-01-01}]
        guards: true
        expect: {status: failed}
"""
    assert (ran := run(lab, tests)).code == 0, ran.out


LOOKS_UP = {
    "key": ["id"],
    "columns": {
        "id": {"type": "bigint"},
        "customer_sk": {"lookup": {"dimension": "dim_customer", "key": {"customer_id": "cust"}, "as_of": "day"}},
        "day": {"type": "date"},
    },
    "errors": {"max_rows": 9},
}
DIMENSION = """
  - name: a key of its time
    steps:
      - given:
          source: [{id: 1, cust: 7, day: 2024-01-05}, {id: 2, cust: 7, day: 2024-02-01}, {id: 3, day: 2024-02-01}]
          dimensions:
            dim_customer:
              - {dim_customer_sk: 1, customer_id: 7, valid_to: 2024-02-01}
              - {dim_customer_sk: 2, customer_id: 7, valid_from: 2024-02-01}
        expect:
          target: [{id: 1, customer_sk: 1, day: 2024-01-05}, {id: 2, customer_sk: 2}]
          rejects: [{key: {id: 3}, column: customer_sk, reason: lookup_null}]
"""


def test_keys_are_looked_up_in_given_dimensions(lab: Lab):
    lab.spec(**LOOKS_UP)
    later = """
      - expect: {counts: {unchanged: 2, rejected: 1}}
      - given: {dimensions: {dim_customer: []}}
        expect: {counts: {rejected: 3}, rejects: [{reason: lookup_miss}, {reason: lookup_miss}, {reason: lookup_null}]}
"""
    assert run(lab, DIMENSION + later).code == 0


def test_a_dimension_that_is_not_given_is_told(lab: Lab):
    lab.spec(**LOOKS_UP)
    ran = run(lab, "  - {name: none, steps: [{given: {source: [{id: 1}]}, expect: {}}]}\n")
    assert 'no rows are given of the dimension "dim_customer"' in ran.out


def test_a_dry_run_finds_dimensions_in_its_folder(lab: Lab):
    spec = lab.spec(**LOOKS_UP)
    folder = lab.folder / "rows"
    folder.mkdir()
    (folder / "s.csv").write_text("id,cust,day\n1,7,2024-01-05\n2,8,2024-01-01\n")
    (folder / "dim_customer.csv").write_text("dim_customer_sk,customer_id\n5,7\n")
    ran = lab.run("dry-run", spec, "--data", folder, "--format", "json")
    rows = json.loads(ran.out)["report"]["rows"]
    assert (rows["inserted"], rows["rejected"]) == (1, 1)
