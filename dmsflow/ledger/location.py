"""Where the ledger is: from an option, the environment or the folders around. Opens nothing."""

import os
from collections.abc import Mapping
from pathlib import Path

from dmsflow.errors import LedgerError

FOLDER = ".dmsflow"
FILE = "ledger.db"
LOG_FILE = "dmsflow.log"
VARIABLE = "DMSFLOW_LEDGER"


def locate_ledger(explicit: str | None, folder: Path | None, *, environ: Mapping[str, str] = os.environ) -> Path:
    """Where a run writes: the option, else DMSFLOW_LEDGER, else ``.dmsflow/`` in the folder, else in this one."""
    given = explicit or environ.get(VARIABLE)
    if given:
        return parse_location(given)
    return (folder or Path.cwd()).resolve() / FOLDER / FILE


def find_ledger(
    explicit: str | None,
    spec: Path | None = None,
    *,
    start: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Path:
    """Where a reader finds an existing ledger.

    The option, else DMSFLOW_LEDGER; else the nearest ``.dmsflow/`` from the folder of the spec upwards, or without
    a spec from this folder upwards, or in the only folder below this one that has a ledger. Raises LedgerError.
    """
    given = explicit or environ.get(VARIABLE)
    if given:
        return _expect(parse_location(given))
    origin = (spec if spec.is_dir() else spec.parent) if spec else start or Path.cwd()
    origin = origin.resolve()
    for folder in (origin, *origin.parents):
        if (folder / FOLDER / FILE).is_file():
            return folder / FOLDER / FILE
    return _find_below(origin)


def parse_location(text: str) -> Path:
    """A path, or ``sqlite:///path``, as an absolute path; a folder stands for the ledger in it. Raises LedgerError."""
    scheme, separator, rest = text.partition("://")
    if separator:
        if scheme != "sqlite":
            raise LedgerError(
                f"a ledger on a server ({scheme}://) is not there yet | next: give a path, or sqlite:///path"
            )
        text = rest.removeprefix("/").partition("?")[0]
    if text in ("", ":memory:"):
        raise LedgerError("a ledger needs a file that other processes can open | next: give a path")
    path = Path(text).expanduser().absolute()
    if path.is_dir():
        return path / FILE if path.name == FOLDER else path / FOLDER / FILE
    return path


def log_file_beside(ledger: Path) -> Path:
    """The log file that belongs to a ledger."""
    return ledger.parent / LOG_FILE


def prepare_folder(ledger: Path) -> None:
    """Make the ledger's folder, for its owner alone and unseen by git. Raises LedgerError."""
    folder = ledger.parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if folder.name == FOLDER and not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        raise LedgerError(
            f'the folder "{folder}" cannot be written: {error.strerror} | next: give another place with --ledger'
        ) from error


def _find_below(origin: Path) -> Path:
    below = sorted(origin.glob(f"*/{FOLDER}/{FILE}"))
    if len(below) == 1:
        return below[0]
    if below:
        folders = ", ".join(str(path.parent.parent.relative_to(origin)) for path in below)
        raise LedgerError(f"several folders here have a ledger: {folders} | next: choose one with --ledger FOLDER")
    raise LedgerError(
        f'no ledger in "{origin}" or above it: nothing ran here | next: give --spec SPEC or --ledger PATH'
    )


def _expect(path: Path) -> Path:
    if not path.is_file():
        raise LedgerError(f'there is no ledger at "{path}" | next: check --ledger and {VARIABLE}')
    return path
