"""Prints the requirements that another supported Python or system has and this environment lacks. Used by ci/lock."""

import tomllib
from importlib.metadata import PackageNotFoundError, requires
from itertools import product
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = (("linux", "Linux", "x86_64"), ("linux", "Linux", "aarch64"), ("darwin", "Darwin", "arm64"))
PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def main() -> None:
    """One requirement a line, without markers; nothing when none is missing."""
    groups = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["dependency-groups"]
    roots = (*groups["dev"], "dmsflow[postgres,dask]", "hatchling", "editables")
    print(*sorted({name for marks in environments() for name in find_missing(roots, marks)}), sep="\n")


def environments() -> list[dict[str, str]]:
    """The values of markers in every supported environment."""
    return [
        {
            **default_environment(),
            "python_version": version,
            "python_full_version": f"{version}.0",
            "sys_platform": system,
            "platform_system": name,
            "platform_machine": machine,
        }
        for version, (system, name, machine) in product(VERSIONS, SYSTEMS)
    ]


def find_missing(roots: tuple[str, ...], marks: dict[str, str]) -> set[str]:
    """Requirements that are reached from the roots in an environment, but not installed in this one."""
    open_ends = [Requirement(root) for root in roots]
    seen, missing = set(), set()
    while open_ends:
        wanted = open_ends.pop()
        if str(wanted) in seen:
            continue
        seen.add(str(wanted))
        try:
            listed = requires(wanted.name) or []
        except PackageNotFoundError:
            missing.add(f"{wanted.name}{wanted.specifier}")
            continue
        open_ends += [found for found in map(Requirement, listed) if applies(found, wanted.extras, marks)]
    return missing


def applies(found: Requirement, extras: set[str], marks: dict[str, str]) -> bool:
    """Whether a requirement holds in an environment, for one of the extras or without any."""
    return found.marker is None or any(found.marker.evaluate({**marks, "extra": extra}) for extra in ("", *extras))


if __name__ == "__main__":
    main()
