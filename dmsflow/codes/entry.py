"""One entry of the catalogue of diagnostics."""

from msgspec import Struct


class Entry(Struct, frozen=True, kw_only=True):
    """A diagnostic's meaning: ``why`` it matters, a ``mistake`` as an example, the ``cure``. Codes are never reused."""

    code: str
    slug: str
    why: str
    mistake: str
    cure: str
