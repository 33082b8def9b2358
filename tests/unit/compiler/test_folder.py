"""Many files at once: which are specs, which are skipped, which share a name."""

from pathlib import Path

from dmsflow.compiler.folder import load_folder
from tests.unit.compiler.test_load import SPEC


def test_a_folder_is_walked_and_other_yaml_is_skipped(tmp_path: Path):
    (tmp_path / "deep").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "a.yaml").write_text(SPEC)
    (tmp_path / "deep" / "b.yml").write_text(SPEC)
    (tmp_path / ".hidden" / "c.yaml").write_text(SPEC)
    (tmp_path / "values.yaml").write_text("replicas: 3\n")
    (tmp_path / "template.yaml").write_text("{{ not yaml }}: [\n")
    (tmp_path / "notes.txt").write_text("pipeline: x\n")
    loaded = load_folder([tmp_path])
    assert [Path(spec.document.file).name for spec in loaded.specs] == ["a.yaml", "b.yml"]
    assert [Path(file).name for file in loaded.skipped] == ["template.yaml", "values.yaml"]
    assert loaded.diagnostics == ()


def test_a_broken_spec_in_a_folder_is_not_skipped(tmp_path: Path):
    (tmp_path / "a.yaml").write_text("version: 1\npipeline: x\nkey: [a\n")
    (tmp_path / "b.yaml").write_bytes("pipeline: x".encode("utf-16"))
    assert [problem.code for problem in load_folder([tmp_path]).diagnostics] == ["DMS005", "DMS003"]


def test_a_named_file_is_a_spec_whatever_it_holds(tmp_path: Path):
    (tmp_path / "a.yaml").write_text("replicas: 3\n")
    codes = {problem.code for problem in load_folder([tmp_path / "a.yaml"]).diagnostics}
    assert codes == {"DMS101", "DMS102"}


def test_two_pipelines_of_a_folder_do_not_share_a_name(tmp_path: Path):
    (tmp_path / "deep").mkdir()
    for name in ("a.yaml", "b.yaml", "deep/c.yaml"):
        (tmp_path / name).write_text(SPEC)
    problems = load_folder([tmp_path]).diagnostics
    assert [(problem.code, Path(problem.position.file).name) for problem in problems] == [("DMS218", "b.yaml")]
    assert load_folder([tmp_path / "a.yaml", tmp_path]).diagnostics == problems


def test_a_connections_file_is_checked_once_and_by_its_own_rules(tmp_path: Path):
    text = "connections:\n  wh: {url: 'duckdb:///w', password: hunter2}\n  other: {ulr: x}\n"
    (tmp_path / "connections.yaml").write_text(text)
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(SPEC.replace("pipeline: orders", f"pipeline: {name}"))
    problems = load_folder([tmp_path]).diagnostics
    assert {(problem.code, problem.position.line) for problem in problems} == {("DMS101", 3), ("DMS102", 3)}
    (tmp_path / "connections.yaml").write_text(text.replace("ulr: x", "url: 'sqlite:///x'"))
    assert [problem.code for problem in load_folder([tmp_path]).diagnostics] == ["DMS204"]


def test_bare_names_in_a_connections_file_are_told_where_to_go(tmp_path: Path):
    (tmp_path / "connections.yaml").write_text("wh: duckdb:///w\n")
    problem = next(found for found in load_folder([tmp_path]).diagnostics if found.code == "DMS101")
    assert problem.help == 'put the connections under one key "connections:"'


def test_files_of_spec_tests_are_checked_beside_the_specs(tmp_path: Path):
    (tmp_path / "a.yaml").write_text(SPEC)
    tests = tmp_path / "a_tests.yaml"
    tests.write_text("version: 1\nspec: a.yaml\ntests: [{name: t, steps: [{expect: {}}]}]\n")
    assert (load_folder([tmp_path]).diagnostics, load_folder([tests]).skipped) == ((), ())
    tests.write_text("version: 1\nspec: a.yaml\ntests: [{name: t, steps: [{expct: {}}]}]\n")
    assert {problem.code for problem in load_folder([tmp_path]).diagnostics} == {"DMS101", "DMS102"}
