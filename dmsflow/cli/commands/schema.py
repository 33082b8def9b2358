"""``dmsflow schema``: the JSON Schema of a spec, for editors."""

import typer


def schema() -> None:
    """Print the JSON Schema of a pipeline spec."""
    from dmsflow.compiler.schema_file import read_schema_text

    typer.echo(read_schema_text(), nl=False)
