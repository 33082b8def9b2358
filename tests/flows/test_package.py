"""What is shipped: a wheel that holds the schema, and that works without the repository beside it."""

import sys
import zipfile
from pathlib import Path

import pytest

from tests.flows.shell import PIPELINES, ROOT, Ran, execute

CALL = "import sys; sys.path.insert(0, sys.argv.pop(1)); from dmsflow.cli.app import main; main()"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that nothing is left behind in the repository."""
    folder = tmp_path_factory.mktemp("package")
    built = execute(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"),
        *("--wheel-dir", folder, ROOT),
        cwd=folder,
    )
    assert built.code == 0, built.err
    return next(folder.glob("dmsflow-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """A folder with the wheel unpacked as pip does it, and nothing else."""
    folder = wheel.parent / "site"
    done = execute(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, wheel), cwd=wheel.parent
    )
    assert done.code == 0, done.err
    return folder


def run_installed(installed: Path, *words: str | Path) -> Ran:
    return execute(sys.executable, "-c", CALL, installed, *words, cwd=installed.parent)


def test_the_wheel_holds_the_package_and_the_schema_alone(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    assert {"dmsflow/schemas/pipeline.schema.json", "dmsflow/schemas/test.schema.json"} <= set(names)
    assert "dmsflow/py.typed" in names
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert {name.split("/")[0] for name in names} == {"dmsflow", "dmsflow-0.1.0.dist-info"}


def test_the_installed_package_is_not_the_repository(installed: Path):
    find = "import sys; sys.path.insert(0, sys.argv[1]); import dmsflow; print(dmsflow.__file__)"
    found = execute(sys.executable, "-c", find, installed, cwd=installed.parent)
    assert Path(found.out.strip()).is_relative_to(installed)


def test_the_installed_package_knows_the_schema(installed: Path):
    ran = run_installed(installed, "schema")
    assert ran.code == 0, ran.err
    assert ran.report == Ran(code=0, out=(ROOT / "schemas" / "pipeline.schema.json").read_text(), err="").report


def test_the_installed_package_validates(installed: Path):
    ran = run_installed(installed, "validate", PIPELINES)
    assert (ran.code, ran.err) == (0, ""), ran.out
