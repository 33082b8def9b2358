"""The --set option: NAME=VALUE texts to a mapping."""

from collections.abc import Iterable

import typer


def parse_settings(written: Iterable[str]) -> dict[str, str]:
    """The values by name; the last of two wins. Raises BadParameter for a text without "="."""
    settings: dict[str, str] = {}
    for text in written:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f'"{text}" is not NAME=VALUE', param_hint="--set")
        settings[name.strip()] = value
    return settings
