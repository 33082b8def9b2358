"""``dmsflow validate``: every problem of specs. Opens no connection, resolves no secret, runs no code."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dmsflow.cli.exits import Exit
from dmsflow.cli.opening import refusals
from dmsflow.cli.settings import parse_settings


class Format(StrEnum):
    """How the problems are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


def validate(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Specs, or folders of specs.")],
    format: Annotated[Format, typer.Option(help="How to print the problems.")] = Format.TEXT,
    set: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter's value.")] = None,
) -> None:
    """Check specs and print every problem. Opens no connection and runs no code."""
    from dmsflow.compiler.folder import load_folder

    with refusals():
        for path in paths:
            if not path.exists():
                typer.echo(f'there is no file or folder "{path}"', err=True)
                raise typer.Exit(Exit.USAGE)
        loaded = load_folder(paths, parse_settings(set or ()))
    match format:
        case Format.TEXT:
            from dmsflow.cli.render.colour import wants_colour
            from dmsflow.cli.render.diagnostics import render_folder

            typer.echo(render_folder(loaded, colour=wants_colour(sys.stdout)))
        case Format.JSON:
            from dmsflow.cli.render.formats import render_json

            typer.echo(render_json(loaded))
        case Format.GITHUB:
            from dmsflow.cli.render.formats import render_github

            typer.echo(render_github(loaded.diagnostics))
        case Format.SARIF:
            from dmsflow.cli.render.formats import render_sarif

            typer.echo(render_sarif(loaded.diagnostics))
    raise typer.Exit(Exit.REJECTED if loaded.is_rejected else Exit.DONE)
