"""One entry of the catalogue of diagnostics."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A diagnostic's meaning: ``why`` it matters, a ``mistake`` as an example, the ``cure``. Codes are never reused."""

    code: str
    slug: str
    why: str
    mistake: str
    cure: str
