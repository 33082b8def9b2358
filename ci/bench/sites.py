"""Where one pair is loaded: the extract of a day, and a target for each program, in files or in databases.

Measures nothing, and opens no database itself.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ci.bench.pairs import PAIRS, Pair
from ci.bench.programs import Place, run_module
from ci.bench.server import Server, name_database, open_server

SOURCE = "source.customers"
NAMED = f"dmsflow_bench_{os.getpid()}_"
"""How databases are named, so that two runs may share a server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Both days of workload W in a folder, and in a database of the server where there is one."""

    folder: Path
    rows: int
    server: Server | None = None

    def run(self, module: str, *words: str) -> None:
        """Run a module of the bench that may need the server."""
        run_module(module, *words, environment={"DMSFLOW_BENCH_SERVER": self.server.url} if self.server else None)


@contextmanager
def made_workload(rows: int, names: Iterable[str] = PAIRS, folder: Path | None = None) -> Iterator[Workload]:
    """Both days as these pairs read them, removed at the end."""
    pairs = [PAIRS[name] for name in names]
    with ExitStack() as opened:
        made = opened.enter_context(tempfile.TemporaryDirectory(prefix="dmsflow-bench-", dir=folder))
        run_module("workload", "write", made, str(rows), *{pair.source for pair in pairs})
        server = opened.enter_context(open_server(folder)) if any(pair.needs_server for pair in pairs) else None
        workload = Workload(folder=Path(made), rows=rows, server=server)
        if any(pair.source == "postgresql" for pair in pairs):
            opened.callback(workload.run, "databases", "drop", f"{NAMED}source")
            workload.run("databases", "fill", f"{NAMED}source", made)
        yield workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A pair, and a folder with a place for each program."""

    workload: Workload
    pair: Pair
    folder: Path
    programs: tuple[str, ...]
    kept: list[str] = field(default_factory=list)

    def place(self, program: str) -> Place:
        """Where a program runs."""
        source, environment = SOURCE, {}
        if self.pair.source != "postgresql":
            source = str(self.workload.folder / f"source.{self.pair.source}")
        if self.workload.server is not None and self.pair.needs_server:
            target = self.database(program)
            names = {"SOURCE": target if self.pair.in_place else f"{NAMED}source", "TARGET": target}
            url = self.workload.server.url
            environment = {f"DMSFLOW_BENCH_{side}": name_database(url, name) for side, name in names.items()}
        return Place(pair=self.pair, folder=self.folder / program, source=source, environment=environment)

    def database(self, program: str) -> str:
        """The name of a program's database."""
        return f"{NAMED}{program}"

    @property
    def databases(self) -> tuple[str, ...]:
        """The databases of all targets."""
        return tuple(map(self.database, self.programs)) if self.pair.target == "postgresql" else ()

    def clear(self) -> None:
        """Give each program an empty target."""
        for program in self.programs:
            (self.folder / program).mkdir()
        for database in self.databases:
            self.workload.run("databases", "create", database, *([f"{NAMED}source"] if self.pair.in_place else []))

    def turn_to(self, day: str) -> None:
        """Put this day's extract behind what both programs read every day."""
        if self.pair.source == "postgresql":
            self.workload.run(
                "databases", "turn", day, *(self.databases if self.pair.in_place else (f"{NAMED}source",))
            )
            return
        source = self.workload.folder / f"source.{self.pair.source}"
        source.unlink(missing_ok=True)
        source.symlink_to(self.workload.folder / f"{day}.{self.pair.source}")

    def rest(self) -> None:
        """Let a server do its daily work, which neither program is measured with."""
        if self.databases:
            self.workload.run("databases", "rest", *self.databases)

    def compare(self, scd: str) -> None:
        """Raise ProgramFailed when two targets differ."""
        self.workload.run("same", *(self.databases or self._files()), scd)

    def _files(self) -> list[str]:
        return [str(self.folder / program / "target.duckdb") for program in self.programs]

    def keep(self, program: str) -> None:
        """Remember a program's target as it is."""
        shutil.copytree(self.folder / program, self.folder / f"{program}.kept")
        if self.databases:
            self.kept.append(self.database(f"{program}_kept"))
            self.workload.run("databases", "create", self.kept[-1], self.database(program))

    def restore(self, program: str) -> None:
        """Bring back a target as it was kept."""
        shutil.rmtree(self.folder / program)
        shutil.copytree(self.folder / f"{program}.kept", self.folder / program)
        if self.databases:
            self.workload.run("databases", "create", self.database(program), self.database(f"{program}_kept"))

    def close(self) -> None:
        """Remove the databases; the folder is another's."""
        if self.databases:
            self.workload.run("databases", "drop", *self.databases, *self.kept)


@contextmanager
def open_site(workload: Workload, name: str, programs: Iterable[str]) -> Iterator[Site]:
    """A pair by its name, with empty targets; removed at the end."""
    with tempfile.TemporaryDirectory(prefix="target-", dir=workload.folder) as made:
        site = Site(workload=workload, pair=PAIRS[name], folder=Path(made), programs=tuple(programs))
        try:
            site.clear()
            yield site
        finally:
            site.close()
