"""Opens the databases of a spec so that nothing that is done to the target stays. Runs no plan.

A server undoes one transaction that holds everything. A file is copied, and the copy is what is loaded: DuckDB has no
savepoints, and a SQLite file that is written to is closed to all others.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from msgspec.structs import replace

from dmsflow.engines.access import Access, open_access
from dmsflow.engines.address import Address, resolve
from dmsflow.engines.connections import open_engine
from dmsflow.engines.undoing import Undoing, UndoingEngine
from dmsflow.errors import ConnectionFailed, PlanRefused
from dmsflow.model.spec import PipelineSpec
from dmsflow.processes import process_lives, this_host

PREFIX = "dmsflow-aside-"


Prepare = Callable[[Access], Undoing]
"""Looks at a server before anything is done there: what is to be undone, or PlanRefused where it cannot be."""


@contextmanager
def open_undone(spec: PipelineSpec, prepare: Prepare) -> Iterator[Access]:
    """Both databases of a spec; whatever is done to the target is gone at the end of the block.

    Raises ConnectionFailed, and PlanRefused for a database that keeps something of what it is told.
    """
    address = resolve(spec.connection(spec.target.connection))
    if address.path is not None:
        with _copied(address) as copy, open_access(spec, target_file=copy) as access:
            yield access
        return
    with open_access(spec) as access:
        if not isinstance(access.target, UndoingEngine):
            raise PlanRefused(
                f'DMS411 effects-not-undone: the database of connection "{address.name}" ({address.scheme}) does not '
                "undo all that a run does: plan without --effects"
            )
        with closing(access.target.open_undone(prepare(access))) as undone:
            yield replace(access, target=undone)


@contextmanager
def _copied(address: Address) -> Iterator[Path]:
    """A place for the file of an embedded database, with a copy of it where it is there."""
    _remove_left()
    original = Path(str(address.path))
    with TemporaryDirectory(prefix=f"{PREFIX}{_this_process()}-") as folder:
        # DuckDB calls a database by the name of its file, and so may the statements of a plan.
        copy = Path(folder) / original.name
        if original.exists():
            _expect_room(original, Path(folder))
            _copy_file(address, copy)
        yield copy


def _expect_room(original: Path, folder: Path) -> None:
    size, free = original.stat().st_size, shutil.disk_usage(folder).free
    if size > free:
        raise ConnectionFailed(
            f"the effects are counted on a copy of {original}, which has {size // 2**20:,} MiB, and {gettempdir()} has "
            f"{free // 2**20:,} MiB left: make room, or name another folder with the environment variable TMPDIR"
        )


def _copy_file(address: Address, copy: Path) -> None:
    """Copy a file in one state, while nobody can write to it."""
    original = Path(str(address.path))
    if address.scheme == "sqlite":
        _copy_sqlite(original, copy)
        return
    with closing(open_engine(address, read_only=True)):
        shutil.copyfile(original, copy)
        log = original.with_name(f"{original.name}.wal")
        if log.exists():
            shutil.copyfile(log, copy.with_name(f"{copy.name}.wal"))


def _copy_sqlite(original: Path, copy: Path) -> None:
    from dmsflow.engines.sqlite import SQLiteDriver

    driver = SQLiteDriver(str(original), {}, read_only=True)
    try:
        with closing(driver.open()) as reading, closing(sqlite3.connect(copy)) as writing:
            reading.backup(writing)
    except sqlite3.Error as error:
        raise ConnectionFailed(f"the SQLite file {original} cannot be copied: {driver.judge(error)}") from error


def _this_process() -> str:
    import os

    return f"{this_host()}-{os.getpid()}"


def _remove_left() -> None:
    """Remove the copies of processes that were killed."""
    for folder in Path(gettempdir()).glob(f"{PREFIX}{this_host()}-*"):
        number = folder.name.removeprefix(f"{PREFIX}{this_host()}-").partition("-")[0]
        if number.isdecimal() and process_lives(int(number)) is False:
            shutil.rmtree(folder, ignore_errors=True)
