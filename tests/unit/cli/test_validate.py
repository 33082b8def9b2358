"""dmsflow validate: what it prints, in which format, and how it ends."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dmsflow.cli.app import app
from dmsflow.cli.render.diagnostics import hide_secrets, render_diagnostics
from dmsflow.diagnostics import Diagnostic, Position

SPEC = """\
version: 1
pipeline: orders
source: {connection: wh, table: sales.orders}
target: {connection: wh, table: dw.orders}
key: [order_id]
scd: 1
connections: {wh: "duckdb:///warehouse.duckdb"}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_a_good_spec_ends_with_zero(folder: Path):
    (folder / "orders.yaml").write_text(SPEC)
    result = run("validate", "orders.yaml")
    assert (result.exit_code, result.stdout) == (0, "1 spec: no errors, no warnings\n")


def test_a_problem_is_shown_with_its_line(folder: Path):
    (folder / "orders.yaml").write_text(
        SPEC.replace("scd: 1", "columns: {id: cust}\nscd: 1").replace("order_id", "idd")
    )
    result = run("validate", ".")
    assert result.exit_code == 1
    assert result.stdout == (
        'orders.yaml:5:7: error[DMS211] key-not-loaded: key column "idd" is not among the columns\n'
        "    |\n"
        "  5 | key: [idd]\n"
        "    |       ^^^\n"
        "    = at: key[0]\n"
        '    = help: did you mean "id"?\n'
        "\n"
        "1 spec: 1 error, no warnings\n"
    )


def test_a_warning_does_not_reject(folder: Path):
    (folder / "orders.yaml").write_text(SPEC.replace("scd: 1", "scd: {type: 2, order_by: [at]}"))
    (folder / "values.yaml").write_text("a: 1\n")
    result = run("validate", ".")
    assert result.exit_code == 0
    assert "warning[DMS223] order-without-use" in result.stdout
    assert 'values.yaml: skipped: it has no "pipeline:" key' in result.stdout
    assert result.stdout.endswith("1 spec: no errors, 1 warning\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("validate", "none.yaml"),
        ("validate",),
        ("validate", ".", "--format", "xml"),
        ("validate", ".", "--set", "x"),
        ("explain", "DMS999"),
        ("unheard-of",),
    ],
)
def test_wrong_usage_ends_with_two(arguments: tuple[str, ...]):
    assert run(*arguments).exit_code == 2


def test_json_says_everything(folder: Path):
    (folder / "a.yaml").write_text(SPEC)
    (folder / "b.yaml").write_text(SPEC.replace("scd: 1", "scd: 3").replace("orders\n", "others\n"))
    result = run("validate", ".", "--format", "json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert not found["ok"]
    assert [(spec["file"], spec["pipeline"], len(spec["digest"])) for spec in found["specs"]] == [
        ("a.yaml", "orders", 64)
    ]
    assert found["diagnostics"] == [
        {
            "code": "DMS104",
            "slug": "unknown-choice",
            "severity": "error",
            "message": '"3" is not one of append, 0, 1, 2',
            "help": "write one of append, 0, 1, 2",
            "path": "scd",
            "file": "b.yaml",
            "line": 6,
            "column": 6,
            "end_column": 7,
        }
    ]


def test_github_annotations_are_escaped(folder: Path):
    (folder / "a,b.yaml").write_text(SPEC + "retry: {attempt: 1}\n")
    lines = run("validate", ".", "--format", "github").stdout.splitlines()
    assert lines == [
        "::error file=a%2Cb.yaml,line=8,col=9,endColumn=16,title=DMS101 unknown-key::"
        'key "attempt" is unknown in "retry"%0Ahelp: did you mean "attempts"?'
    ]


def test_sarif_names_rules_and_places(folder: Path):
    (folder / "a.yaml").write_text(SPEC + "retry: {attempt: 1}\n")
    log = json.loads(run("validate", ".", "--format", "sarif").stdout)
    (found,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert [rule["id"] for rule in found["tool"]["driver"]["rules"]] == ["DMS101"]
    (result,) = found["results"]
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("DMS101", 0, "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a.yaml"
    assert place["region"] == {"startLine": 8, "startColumn": 9, "endColumn": 16}


def test_sarif_names_files_by_uri(folder: Path):
    (folder / "what is 100%é.yaml").write_text(SPEC + "retry: {attempt: 1}\n")
    (found,) = json.loads(run("validate", ".", "--format", "sarif").stdout)["runs"]
    (place,) = found["results"][0]["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "what%20is%20100%25%C3%A9.yaml"


def test_set_gives_values(folder: Path):
    where = (
        SPEC.replace("sales.orders}", 'sales.orders, where: "day > ${param:day}"}') + "params: {day: {type: date}}\n"
    )
    (folder / "a.yaml").write_text(where)
    assert run("validate", "a.yaml").exit_code == 0
    assert run("validate", "a.yaml", "--set", "day=2020-01-01").exit_code == 0
    assert "DMS111" in run("validate", "a.yaml", "--set", "day=soon").stdout


@pytest.mark.parametrize(
    "connection",
    [
        "{url: 'mysql://scott:hunter2@h/x'}",
        "{url: 'mysql://h', password: hunter2}",
        "{url: 'mysql://h', password: \"hunter2, hunter2\", user: x}",
        "{password: hunter2}",
        "{url: 'mysql://h', 'password': *hunter2}",
        "{url: 'mysql://h', password: !hunter2 x}",
        "{url: 'mysql://scott:hunter2@h', password: [hunter2]}",
        "mysql://scott:hunter2@h/x",
        "mysql://h/x?password=hunter2",
        "mysql://scott:hun@ter2/hunter2@h/x",
        "{url: 'mysql://h', options: {api_token: hunter2}}",
    ],
)
@pytest.mark.parametrize("format", ["text", "json", "github", "sarif"])
def test_no_secret_is_printed(folder: Path, connection: str, format: str):
    spec = SPEC.replace('{wh: "duckdb:///warehouse.duckdb"}', "\n  wh: " + connection)
    (folder / "a.yaml").write_text(spec)
    result = run("validate", ".", "--format", format)
    assert "hunter2" not in result.output
    assert "DMS" in result.output


@pytest.mark.parametrize("format", ["text", "json", "github", "sarif"])
def test_no_value_commands_the_terminal(folder: Path, format: str):
    (folder / "a.yaml").write_text(SPEC.replace("scd: 1", 'scd: "\\e[31m\\n::error::x"  # \u202e'))
    result = run("validate", ".", "--format", format)
    assert result.exit_code == 1
    assert "\x1b" not in result.output
    assert "\u202e" not in result.output
    assert "\n::error::x" not in result.output


def test_references_are_not_hidden():
    assert hide_secrets('  wh: {password: "${env:X}"}') == '  wh: {password: "${env:X}"}'
    assert hide_secrets("  url: a://u:${env:X}@h") == "  url: a://u:${env:X}@h"
    assert hide_secrets("  url: a://u:pw@h/x") == "  url: a://u:***@h/x"


def test_colours_are_for_terminals():
    problem = Diagnostic(
        code="DMS101",
        message="key is unknown",
        position=Position(file="a.yaml", line=1, column=1, end_column=2),
    )
    assert render_diagnostics([problem], []) == "a.yaml:1:1: error[DMS101] unknown-key: key is unknown\n"
    assert "\x1b[31m" in render_diagnostics([problem], [], colour=True)


def test_explain_and_schema_and_version():
    assert run("explain", "DMS101").stdout.startswith("DMS101 unknown-key\n")
    assert run("explain", "unknown-key").stdout == run("explain", "dms101").stdout
    assert "DMS264  check-twice" in run("explain").stdout
    assert 'did you mean "unknown-key"?' in run("explain", "unknown-kay").stderr
    assert json.loads(run("schema").stdout)["title"] == "dmsflow pipeline"
    assert run("--version").stdout.startswith("dmsflow 0.")


def test_help_loads_no_compiler():
    script = (
        "import sys; from dmsflow.cli.app import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('jsonschema', 'sqlglot', 'sqlalchemy', 'duckdb', 'yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_validate_loads_no_database(folder: Path):
    (folder / "a.yaml").write_text(SPEC)
    script = (
        "import sys; from dmsflow.cli.app import app\n"
        "try: app(['validate', 'a.yaml'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('sqlglot', 'sqlalchemy', 'duckdb', 'oracledb', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_what_runs_a_plan_loads_no_compiler():
    script = (
        "import sys, dmsflow.runtime.apply, dmsflow.transfer.copy, dmsflow.transfer.in_place\n"
        "print([name for name in ('sqlglot', 'sqlalchemy', 'duckdb', 'pyarrow', 'psycopg') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
