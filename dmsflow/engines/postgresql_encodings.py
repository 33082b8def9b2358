"""Which characters a database whose encoding has one byte for each can hold. A database of UTF8 holds all of them."""

from itertools import pairwise

CODECS = {
    "LATIN1": "iso8859-1",
    "LATIN2": "iso8859-2",
    "LATIN3": "iso8859-3",
    "LATIN4": "iso8859-4",
    "LATIN5": "iso8859-9",
    "LATIN6": "iso8859-10",
    "LATIN7": "iso8859-13",
    "LATIN8": "iso8859-14",
    "LATIN9": "iso8859-15",
    "LATIN10": "iso8859-16",
    "ISO_8859_5": "iso8859-5",
    "ISO_8859_6": "iso8859-6",
    "ISO_8859_7": "iso8859-7",
    "ISO_8859_8": "iso8859-8",
    "KOI8R": "koi8-r",
    "KOI8U": "koi8-u",
    "WIN866": "cp866",
    "WIN874": "cp874",
    **{f"WIN{page}": f"cp{page}" for page in range(1250, 1259)},
}
"""PostgreSQL's names, and Python's."""


def find_unstorable(encoding: str) -> str | None:
    """A regular expression of the characters that a text of this encoding cannot hold; None where that is not known."""
    codec = CODECS.get(encoding)
    return find_unencodable(codec) if codec else None


def find_unencodable(codec: str) -> str:
    """The same by Python's name of an encoding of one byte."""
    known = sorted({ord(character) for character in bytes(range(1, 256)).decode(codec, errors="ignore")})
    starts = [known[0], *(after for before, after in pairwise(known) if after > before + 1)]
    ends = [*(before for before, after in pairwise(known) if after > before + 1), known[-1]]
    return "[^" + "".join(f"{chr(first)}-{chr(last)}" for first, last in zip(starts, ends, strict=True)) + "]"
