"""A connection with its references resolved. The only room that ever holds a secret; opens nothing."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dmsflow.errors import ConnectionFailed
from dmsflow.events import register_secret
from dmsflow.model.spec import Connection, SecretText

REFERENCE = re.compile(r"\$\{(env|file):([^}]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A connection with its references resolved, for a pipeline. What may hold a secret has no repr."""

    name: str
    scheme: str
    url: str = field(repr=False)
    path: str | None = None
    password: str | None = field(default=None, repr=False)
    options: tuple[tuple[str, str | int | bool], ...] = field(default=(), repr=False)
    pipeline: str = ""


def resolve_text(template: str, name: str, folder: Path) -> str:
    """Put in what ``${env:NAME}`` and ``${file:PATH}`` stand for. Raises ConnectionFailed when that is not there."""

    def look_up(match: re.Match[str]) -> str:
        kind, place = match[1], match[2]
        if kind == "env":
            if place not in os.environ:
                raise ConnectionFailed(f'connection "{name}": the environment variable {place} is not set')
            value = os.environ[place]
        else:
            try:
                value = (folder / place).read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeError) as error:
                raise ConnectionFailed(f'connection "{name}": the secret file {place} cannot be read') from error
        register_secret(value)
        return value

    return REFERENCE.sub(look_up, template)


def resolve(connection: Connection) -> Address:
    """The address of a connection: its references resolved, its path made absolute."""
    folder = Path(connection.file).absolute().parent if connection.file else Path.cwd()
    url = resolve_text(connection.url.template, connection.name, folder)
    scheme = url.partition(":")[0].partition("+")[0].lower()
    password = resolve_text(connection.password.template, connection.name, folder) if connection.password else None
    if password:
        register_secret(password)
    path = None
    if scheme in ("duckdb", "sqlite"):
        path = _embedded_path(connection.name, url, folder)
    elif urlsplit(url).password:
        register_secret(unquote(urlsplit(url).password or ""))
    options = tuple(
        (key, resolve_text(value.template, connection.name, folder) if isinstance(value, SecretText) else value)
        for key, value in connection.options
    )
    return Address(name=connection.name, scheme=scheme, url=url, path=path, password=password, options=options)


def _embedded_path(name: str, url: str, folder: Path) -> str:
    """The file of an embedded database, relative to the file in which it is written."""
    written = re.sub(r"^[a-z0-9+]+:(///|//)?", "", url, flags=re.IGNORECASE)
    if not written or written.startswith(":memory:"):
        raise ConnectionFailed(f'connection "{name}": a database in memory is gone when the run ends: name a file')
    return str((folder / written).resolve())
