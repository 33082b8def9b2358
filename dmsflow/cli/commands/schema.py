"""``dmsflow schema``: the JSON Schemas of a spec and of spec tests, for editors."""

from typing import Annotated

import typer


def schema(tests: Annotated[bool, typer.Option("--tests", help="That of spec tests instead.")] = False) -> None:
    """Print the JSON Schema of a pipeline spec."""
    from dmsflow.compiler.schema_file import SCHEMA_NAME, TEST_SCHEMA_NAME, read_schema_text

    typer.echo(read_schema_text(TEST_SCHEMA_NAME if tests else SCHEMA_NAME), nl=False)
