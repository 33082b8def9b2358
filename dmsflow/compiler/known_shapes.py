"""Texts whose shape was found right before, so that the nightly run need not load the schema. Saves time alone."""

import hashlib
from pathlib import Path

from dmsflow.compiler.decode_connections import find_connections_file
from dmsflow.compiler.document import Document
from dmsflow.compiler.schema_file import read_schema_text


class KnownShapes:
    """A folder of empty files, named by the texts they vouch for and the schema that was asked."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    @classmethod
    def beside(cls, spec: Path) -> "KnownShapes":
        """The folder in the ledger's default place, if a run has made one there."""
        home = (find_connections_file(spec.absolute().parent) or spec.absolute()).parent / ".dmsflow"
        return cls(home / "shapes" if home.is_dir() else None)

    def __contains__(self, document: Document) -> bool:
        """Whether this very text has passed this very schema. A folder that cannot be entered only costs time."""
        try:
            return self._folder is not None and (self._folder / _name(document)).is_file()
        except OSError:
            return False

    def add(self, document: Document) -> None:
        """Vouch for a text that has passed. A folder that cannot be written only costs time."""
        if self._folder is None:
            return
        try:
            self._folder.mkdir(exist_ok=True)
            (self._folder / _name(document)).touch()
        except OSError:
            return


def _name(document: Document) -> str:
    return hashlib.sha256(f"{read_schema_text()}\0{document.text}".encode()).hexdigest()
