"""How commands open a spec: load it, show its problems, turn every refusal into a message and an exit code."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dmsflow.cli.exits import Exit, refuse
from dmsflow.diagnostics import Diagnostic
from dmsflow.errors import ConnectionFailed, DmsflowError, PlanRefused, SpecRejected

if TYPE_CHECKING:
    from dmsflow.compiler.document import Document
    from dmsflow.compiler.load import LoadedSpec


@contextmanager
def refusals() -> Iterator[None]:
    """Show what dmsflow refuses, and end the command with the exit code it deserves."""
    try:
        yield
    except SpecRejected as error:
        raise typer.Exit(Exit.REJECTED) from error
    except (ConnectionFailed, PlanRefused, DmsflowError) as error:
        from dmsflow.events import redact

        refuse(redact(str(error)))
    except BrokenPipeError:
        raise
    except OSError as error:
        # No room is ready for every answer of a file system: a name too long, a folder that may not be entered.
        from dmsflow.cli.render.words import escape

        place = escape(str(error.filename or ""))
        typer.echo(f'error: "{place}": {error.strerror}: check the path and its permissions', err=True)
        raise typer.Exit(Exit.FAILED) from error


def load(path: Path, settings: dict[str, str], *, params_required: bool = True) -> "LoadedSpec":
    """Load a spec, show its problems on stderr. Ends the command when it is missing or rejected."""
    from dmsflow.compiler.known_shapes import KnownShapes
    from dmsflow.compiler.load import load_spec

    if not path.is_file():
        typer.echo(f'there is no file "{path}"', err=True)
        raise typer.Exit(Exit.USAGE)
    loaded = load_spec(path, settings, params_required=params_required, known=KnownShapes.beside(path))
    show_problems(loaded.diagnostics, loaded)
    loaded.raise_if_rejected()
    return loaded


def load_offline(path: Path, settings: dict[str, str]) -> "LoadedSpec":
    """Load a spec for a rehearsal: its databases are not opened, so nothing is said of them."""
    from dmsflow.compiler.load import load_spec
    from dmsflow.rehearsal.prepare import without_databases

    if not path.is_file():
        refuse(f'there is no file "{path}"', Exit.USAGE)
    loaded = without_databases(load_spec(path, settings))
    show_problems(loaded.diagnostics, loaded)
    loaded.raise_if_rejected()
    return loaded


def show_problems(problems: Iterable[Diagnostic], loaded: "LoadedSpec") -> None:
    """Print problems to stderr, with their lines."""
    listed = tuple(problems)
    if not listed:
        return
    from dmsflow.cli.render.colour import wants_colour
    from dmsflow.cli.render.diagnostics import render_diagnostics

    documents = (*loaded.documents, *_others(listed, loaded))
    typer.echo(render_diagnostics(listed, documents, colour=wants_colour(sys.stderr)), err=True)


def _others(problems: Iterable[Diagnostic], loaded: "LoadedSpec") -> "Iterator[Document]":
    """Other files that problems stand in, such as one with given rows."""
    from dmsflow.compiler.document import read_document

    known = {document.file for document in loaded.documents}
    for file in {problem.position.file for problem in problems if problem.position} - known:
        yield read_document(file)


@contextmanager
def shown_table_problems(loaded: "LoadedSpec") -> Iterator[None]:
    """Show the problems that only the databases could tell."""
    try:
        yield
    except SpecRejected as error:
        show_problems((problem for problem in error.diagnostics if problem not in loaded.diagnostics), loaded)
        raise
