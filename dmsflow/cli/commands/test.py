"""``dmsflow test``: runs the tests of specs, in DuckDB. Opens no connection of a spec."""

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from dmsflow.cli.commands.apply import ReportFormat
from dmsflow.cli.exits import Exit, refuse
from dmsflow.cli.opening import refusals


def test(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files of spec tests, or folders of them.")],
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the results as JUnit XML too.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many tests run at once; default: the cores.")
    ] = None,
    format: Annotated[ReportFormat, typer.Option(help="How to print the results.")] = ReportFormat.TEXT,
) -> None:
    """Run the tests of specs: given rows, expected rows. Needs no database."""
    from dmsflow.cli.render.colour import wants_colour
    from dmsflow.cli.render.diagnostics import render_diagnostics
    from dmsflow.cli.render.tests import TestRenderer, render_json, render_junit
    from dmsflow.rehearsal.spec_tests import run_tests
    from dmsflow.rehearsal.test_file import find_test_files

    with refusals():
        for path in paths:
            if not path.exists():
                refuse(f'there is no file or folder "{path}"', Exit.USAGE)
        if junit is not None and (junit.is_dir() or not junit.parent.is_dir()):
            refuse(f'"{junit}" cannot be written: --junit names a file in a folder that is there', Exit.USAGE)
        files = tuple(find_test_files(paths))
        if not files:
            refuse("there are no spec tests here: a file of tests has the keys spec and tests", Exit.USAGE)
        if problems := [problem for file in files for problem in file.problems]:
            documents = [file.document for file in files]
            typer.echo(render_diagnostics(problems, documents, colour=wants_colour(sys.stderr)), err=True)
            raise typer.Exit(Exit.REJECTED)
        started, renderer = time.perf_counter(), TestRenderer(colour=wants_colour(sys.stdout))
        results = []
        with _expected_failures():
            for result in run_tests(files, workers or os.cpu_count() or 1):
                results.append(result)
                if format is ReportFormat.TEXT:
                    typer.echo(renderer.render(result), color=True)
        seconds = time.perf_counter() - started
        if junit is not None:
            junit.write_text(render_junit(results, seconds), encoding="utf-8")
    typer.echo(renderer.render_end(results, seconds) if format is ReportFormat.TEXT else render_json(results))
    raise typer.Exit(Exit.DONE if all(result.passed for result in results) else Exit.FAILED)


@contextmanager
def _expected_failures() -> Iterator[None]:
    """Runs that fail are what some tests are about: their results tell of them, not the log."""
    logger = logging.getLogger("dmsflow.runtime")
    before = logger.level
    logger.setLevel(max(before, logging.ERROR))
    try:
        yield
    finally:
        logger.setLevel(before)
