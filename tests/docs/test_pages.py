"""What the pages say is there: specs validate, commands exist, links lead somewhere, reference pages are complete."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from dmsflow.cli.app import app
from dmsflow.cli.exits import Exit
from dmsflow.codes import CATALOGUE
from dmsflow.compiler.document import parse_text
from dmsflow.compiler.folder import load_folder
from dmsflow.compiler.literals import parse_type
from dmsflow.compiler.schema_check import check_tests_shape
from dmsflow.engines import duckdb_words, postgresql_errors, sqlite
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.engines.generic_sql import SQLiteIdioms
from dmsflow.engines.oracle_sql import OracleIdioms
from dmsflow.engines.postgresql_sql import PostgreSQLIdioms
from dmsflow.marks.tables import MARK_TABLES
from tests.docs.pages import BLOCKS, DOCS, PAGES, ROOT, Block, read_prose

SPECS = [block for block in BLOCKS if block.kind == "yaml" and re.search(r"^pipeline:", block.text, re.MULTILINE)]
TESTS = [block for block in BLOCKS if block.kind == "yaml" and re.search(r"^tests:", block.text, re.MULTILINE)]
JSONS = [block for block in BLOCKS if block.kind == "json"]
COMMANDS = [
    pytest.param(line, id=f"{block}: {line}")
    for block in BLOCKS
    if block.kind in ("console", "sh")
    for line in re.findall(r"^(?:\$ )?(dmsflow\b[^|>\n]*)", block.text, re.MULTILINE)
]
COMMANDS += [
    pytest.param(line, id=f"{page.relative_to(ROOT)}: {line}")
    for page in PAGES
    for line in re.findall(r"`(dmsflow [^`]+)`", read_prose(page))
]
CONNECTIONS = "connections: {" + ", ".join(f'{n}: "duckdb:///{n}.duckdb"' for n in ("app", "crm", "shop", "warehouse"))
IDIOMS = (DuckDBIdioms, SQLiteIdioms, PostgreSQLIdioms, OracleIdioms)
GROUP: Any = typer.main.get_command(app)


@pytest.mark.parametrize("block", SPECS, ids=str)
def test_a_spec_in_a_page_validates(block: Block, tmp_path: Path):
    (tmp_path / "connections.yaml").write_text(f'{CONNECTIONS}, lookup: "sqlite:///l.sqlite"}}\n', encoding="utf-8")
    file = tmp_path / "spec.yaml"
    file.write_text(block.text, encoding="utf-8")
    # That Oracle is untried is said on its pages too.
    told = [p for p in load_folder([file]).diagnostics if p.code != "DMS267"]
    assert [f"{p.code} {p.message}" for p in told] == []


@pytest.mark.parametrize("block", JSONS, ids=str)
def test_json_in_a_page_is_json(block: Block):
    json.loads(block.text)


def test_there_are_specs_and_commands_to_check():
    assert len(SPECS) >= 9
    assert len(COMMANDS) >= 30


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_in_a_page_exists(line: str):
    """Every word that stands for a command or an option is known to the command line."""
    words = shlex.split(line.split("||")[0], comments=True)[1:]
    known, expecting_command = {name for param in GROUP.params for name in param.opts} | {"--help"}, True
    command = None
    for word in words:
        if word.startswith("-") and word != "-":
            assert word.split("=")[0] in known, f"{word} in {line}"
        elif expecting_command and word in GROUP.commands:
            command = GROUP.commands[word]
            known |= {name for param in command.params for name in param.opts}
            expecting_command = False
        elif hasattr(command, "commands"):
            assert word in command.commands, line
            command = command.commands[word]
            known |= {name for param in command.params for name in param.opts}
    assert not expecting_command or not words or words == ["--version"] or words[0].startswith("-"), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_pages_and_headings(page: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", read_prose(page)):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page}: {target}"
        if anchor:
            assert anchor in find_anchors(file), f"{page}: {target}"


def find_anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    titles = re.findall(r"^#+ (.+)$", read_prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_is_reached_from_the_index():
    seen: set[Path] = set()
    waiting = [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", read_prose(page))
        waiting += [(page.parent / link).resolve() for link in links if "://" not in link]
    assert set(DOCS.rglob("*.md")) <= seen


def test_generated_pages_are_up_to_date():
    script = [sys.executable, str(ROOT / "ci" / "docs"), "--check"]
    done = subprocess.run(script, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_key_of_the_schema_is_in_the_reference():
    page = (DOCS / "reference" / "spec.md").read_text(encoding="utf-8")
    schema = json.loads((ROOT / "schemas" / "pipeline.schema.json").read_text(encoding="utf-8"))
    sections = (schema, *schema["$defs"].values())
    keys = {key for section in sections for key in section.get("properties", {})}
    assert {key for key in keys if f"| `{key}` |" not in page} == set()


@pytest.mark.parametrize("block", TESTS, ids=str)
def test_spec_tests_in_a_page_have_the_shape_of_tests(block: Block):
    assert [f"{p.code} {p.message}" for p in check_tests_shape(parse_text(block.text))] == []


def test_every_key_of_spec_tests_is_in_the_reference():
    page = (DOCS / "reference" / "spec-tests.md").read_text(encoding="utf-8")
    schema = json.loads((ROOT / "schemas" / "test.schema.json").read_text(encoding="utf-8"))
    keys = {key for section in (schema, *schema["$defs"].values()) for key in section.get("properties", {})}
    assert {key for key in keys if f"| `{key}` |" not in page} == set()


def test_every_command_and_option_is_in_the_reference():
    page = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    commands = list_commands(GROUP)
    options = {name for command in (GROUP, *commands.values()) for param in command.params for name in param.opts}
    assert {name for name in options if name.startswith("-") and name not in page} == set()
    assert {name for name in commands if f"## dmsflow {name}" not in page} == set()


def list_commands(group: Any) -> dict[str, Any]:
    """Every command by name, those of a command of commands too."""
    found = dict(group.commands)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found |= {f"{name} {part}": inner for part, inner in list_commands(command).items()}
    return found


def test_every_code_is_in_the_reference():
    page = (DOCS / "reference" / "codes.md").read_text(encoding="utf-8")
    assert re.findall(r"^### (DMS\d{3})", page, re.MULTILINE) == sorted(CATALOGUE)


def test_codes_in_prose_are_in_the_catalogue():
    named = {code for page in PAGES for code in re.findall(r"DMS\d{3}", page.read_text(encoding="utf-8"))}
    assert named == set(CATALOGUE)


def test_the_types_are_declared_as_the_page_says():
    page = (DOCS / "reference" / "types.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)`" + r" \| `([^`]+)`" * len(IDIOMS) + r" \|$", page, re.MULTILINE)
    assert len(rows) == 16
    for written, *declared in rows:
        data_type = parse_type(written)
        assert [idioms().type_sql(data_type) for idioms in IDIOMS] == declared, written


def test_the_exit_codes_are_as_the_page_says():
    page = (DOCS / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    rows = {int(number): name for number, name in re.findall(r"^\| (\d) \| (\w+) \|", page, re.MULTILINE)}
    assert rows == {code.value: code.name.lower() for code in Exit}


def test_the_tables_of_a_target_are_described():
    page = (DOCS / "reference" / "target-tables.md").read_text(encoding="utf-8")
    for name, (columns, _) in MARK_TABLES.items():
        section = page.partition(f"## {name}")[2].partition("\n## ")[0]
        assert {column.name for column in columns if f"`{column.name}`" not in section} == set(), name


def test_every_reason_of_a_reject_is_described():
    page = (DOCS / "how-to" / "handle-rejects.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    source = "".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "dmsflow" / "scd").glob("*.py")))
    known = set(
        re.findall(r'"((?:null|not|too|effective|lookup)_\w+|cast|check|late|duplicate_key|unknown_\w+)"', source)
    )
    of_sqlite, of_server = {*sqlite.REASONS.values()}, {*postgresql_errors.REASONS.values()}
    refused = {"refused"} | of_sqlite | of_server | {reason for _, reason in duckdb_words.REASONS}
    assert described <= known | refused
    assert refused <= described
    own = ("cast", "check", "late", "duplicate_key")
    assert {name for name in known if name in own or name.startswith("lookup_")} <= described
