"""The catalogue of diagnostics: what each code means and what to do. Severity is a diagnostic's own, not the code's.

To add a code, add an Entry to the file of its hundred; a code and a slug are unique and never reused.
"""

from dmsflow.codes.entry import Entry
from dmsflow.codes.meaning import MEANING
from dmsflow.codes.plans import PLANS
from dmsflow.codes.reading import READING
from dmsflow.codes.shape import SHAPE
from dmsflow.codes.surrogates import SURROGATES
from dmsflow.codes.tables import TABLES
from dmsflow.codes.tables_evolution import EVOLUTION_OF_TABLES

__all__ = ["CATALOGUE", "Entry", "find_entry", "slug_of"]

_ALL = (*READING, *SHAPE, *MEANING, *TABLES, *SURROGATES, *EVOLUTION_OF_TABLES, *PLANS)
CATALOGUE: dict[str, Entry] = {entry.code: entry for entry in _ALL}

_BY_SLUG = {entry.slug: entry for entry in CATALOGUE.values()}


def find_entry(word: str) -> Entry | None:
    """The entry of a code, in any case, or of a slug."""
    return CATALOGUE.get(word.upper()) or _BY_SLUG.get(word.lower().replace("_", "-"))


def slug_of(code: str) -> str:
    """The slug of a code; the code itself while it has no entry."""
    entry = CATALOGUE.get(code)
    return entry.slug if entry else code.lower()
