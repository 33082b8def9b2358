"""Connections as written, in a spec or in a connections.yaml. Resolves no secret and opens nothing."""

from pathlib import Path as FilePath

from dmsflow.compiler.section import Section
from dmsflow.model.spec import Connection, SecretText

CONNECTIONS_FILE = "connections.yaml"


def find_connections_file(folder: FilePath) -> FilePath | None:
    """The nearest connections.yaml in the folder or above it, not beyond the root of a git repository."""
    for candidate in (folder, *folder.parents):
        if (candidate / CONNECTIONS_FILE).is_file():
            return candidate / CONNECTIONS_FILE
        if (candidate / ".git").exists():
            return None
    return None


def decode_connections(connections: Section, file: str) -> tuple[Connection, ...]:
    """Every connection of a checked section; ``file`` is where it is written."""
    written_in = str(FilePath(file).absolute())
    return tuple(_decode_connection(connections, name, written_in) for name in connections.written_keys())


def _decode_connection(connections: Section, name: str, file: str) -> Connection:
    node = connections.child(name)
    if node is not None and not node.is_collection:
        return Connection(name=name, url=SecretText(template=node.text), file=file)
    parts = connections.section(name)
    password = parts.text("password")
    return Connection(
        name=name,
        url=SecretText(template=parts.need_text("url")),
        password=None if password is None else SecretText(template=password),
        options=_decode_options(parts.section("options")),
        file=file,
    )


def _decode_options(options: Section) -> tuple[tuple[str, SecretText | int | bool], ...]:
    found: list[tuple[str, SecretText | int | bool]] = []
    for key in options.written_keys():
        node = options.child(key)
        if node is not None and isinstance(node.value, str | int):
            found.append((key, SecretText(template=node.value) if isinstance(node.value, str) else node.value))
    return tuple(found)
