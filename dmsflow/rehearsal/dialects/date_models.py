"""Format models of dates: into their elements, into SQL that writes or reads them. Knows no rewriter."""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct


class UnknownModel(Exception):
    """A format model has a part that is not covered."""


class Element(Struct, frozen=True):
    """A word of a model as it is written there, or the text between words."""

    name: str
    text: str
    filled: bool = True
    """Whether blanks and zeros fill it up: FM turns that off."""

    @property
    def is_text(self) -> bool:
        """Whether it stands for itself."""
        return self.name == ""


NAMES = {
    "MONTH": ("strftime({d}, '%B')", 9),
    "MON": ("strftime({d}, '%b')", 0),
    "DAY": ("strftime({d}, '%A')", 9),
    "DY": ("strftime({d}, '%a')", 0),
    "RM": ("['I','II','III','IV','V','VI','VII','VIII','IX','X','XI','XII'][month({d})]", 4),
}
MERIDIEMS = {"AM": ("AM", "PM"), "PM": ("AM", "PM"), "A.M.": ("A.M.", "P.M."), "P.M.": ("A.M.", "P.M.")}
NUMBERS = {
    "YYYY": ("year({d})", 4),
    "YYY": ("year({d}) % 1000", 3),
    "YY": ("year({d}) % 100", 2),
    "Y": ("year({d}) % 10", 1),
    "RRRR": ("year({d})", 4),
    "RR": ("year({d}) % 100", 2),
    "IYYY": ("isoyear({d})", 4),
    "IYY": ("isoyear({d}) % 1000", 3),
    "IY": ("isoyear({d}) % 100", 2),
    "I": ("isoyear({d}) % 10", 1),
    "CC": ("(year({d}) - 1) // 100 + 1", 2),
    "Q": ("quarter({d})", 1),
    "MM": ("month({d})", 2),
    "WW": ("(dayofyear({d}) - 1) // 7 + 1", 2),
    "IW": ("week({d})", 2),
    "W": ("(day({d}) - 1) // 7 + 1", 1),
    "DDD": ("dayofyear({d})", 3),
    "DD": ("day({d})", 2),
    "D": ("dayofweek({d}) + 1", 1),
    "ID": ("isodow({d})", 1),
    "J": ("CAST(julian(CAST({d} AS DATE)) AS BIGINT)", 7),
    "HH24": ("hour({d})", 2),
    "HH12": ("(hour({d}) + 11) % 12 + 1", 2),
    "HH": ("(hour({d}) + 11) % 12 + 1", 2),
    "MI": ("minute({d})", 2),
    "SSSSS": ("hour({d}) * 3600 + minute({d}) * 60 + second({d})", 5),
    "SS": ("second({d})", 2),
}
FRACTIONS = {f"FF{digits or ''}": digits or 6 for digits in range(7)}
READ = ("YYYY", "RRRR", "YY", "RR", "MM", "MONTH", "MON", "DD", "DDD", "J", "HH24", "HH12", "HH", "MI", "SS", "SSSSS")
MODIFIERS = ("FM", "FX")
UNCOVERED: tuple[str, ...] = (
    "SYYYY",
    "Y,YYY",
    "SCC",
    "YEAR",
    "SYEAR",
    "BC",
    "AD",
    "B.C.",
    "A.D.",
    "EE",
    "E",
    "TZH",
    "TZM",
    "TZR",
    "TZD",
)
UNCOVERED += ("TS", "DS", "DL", "X", "TH", "SP", "SPTH", "THSP", "FF7", "FF8", "FF9")
WORDS = (*NAMES, *MERIDIEMS, *NUMBERS, *FRACTIONS)
PREFIXED_UNCOVERED = (*UNCOVERED, "RR", "RRRR", "Y", "TH", "US", "MS", "IDDD", "OF", "FF", "SSSSS", "SSSS", "RM")
PREFIXED_WORDS = tuple(word for word in WORDS if word not in PREFIXED_UNCOVERED)
ORACLE_WORDS = tuple(word for word in WORDS if word != "ID")


def split_model(model: str, words: Sequence[str] = ORACLE_WORDS, uncovered: Sequence[str] = UNCOVERED) -> list[Element]:
    """The elements of a model. Raises UnknownModel at what is not covered."""
    ordered = sorted({*words, *uncovered, *MODIFIERS}, key=len, reverse=True)
    pattern = re.compile(r'"([^"]*)"|(' + "|".join(map(re.escape, ordered)) + r")|([-/,.;: ])", re.IGNORECASE)
    elements: list[Element] = []
    at, filled = 0, True
    while at < len(model):
        found = pattern.match(model, at)
        if found is None:
            raise UnknownModel(f'"{model[at:]}" in the format "{model}" is not covered')
        at = found.end()
        name = (found[2] or "").upper()
        if name in uncovered or name == "FX":
            raise UnknownModel(f'"{found[2]}" in the format "{model}" is not covered')
        if name == "FM":
            filled = not filled
        else:
            text = found[1] if found[1] is not None else found[3] if found[3] is not None else found[2]
            elements.append(Element(name, text, filled))
    return elements


def is_exact(model: str) -> bool:
    """Whether FX asks for the text to be exactly as the model."""
    return model.upper().startswith("FX")


def write_date(model: str) -> str:
    """SQL of the text that a model makes of {d}."""
    return " || ".join(f"({_write(element)})" for element in split_model(model)) or "''"


def write_prefixed(model: str) -> str:
    """SQL of the text that a model of PostgreSQL makes of {d}: there FM is of the next element alone."""
    elements: list[Element] = []
    bare = False
    for piece in re.split("(FM)", model, flags=re.IGNORECASE):
        if piece.upper() == "FM":
            bare = True
            continue
        for index, part in enumerate(split_model(piece, PREFIXED_WORDS, PREFIXED_UNCOVERED)):
            elements.append(Element(part.name, part.text, not (bare and index == 0)))
        bare = False
    return " || ".join(f"({_write(element)})" for element in elements) or "''"


def _write(element: Element) -> str:
    name, text = element.name, element.text
    if element.is_text:
        return "'" + text.replace("'", "''") + "'"
    if name in NAMES:
        sql, width = NAMES[name]
        cased = in_case(sql, text)
        return f"rpad({cased}, {width}, ' ')" if width and element.filled else cased
    if name in MERIDIEMS:
        before, after = MERIDIEMS[name]
        return in_case(f"CASE WHEN hour({{d}}) < 12 THEN '{before}' ELSE '{after}' END", text)
    if name in FRACTIONS:
        return f"left(lpad(CAST(microsecond({{d}}) % 1000000 AS VARCHAR), 6, '0'), {FRACTIONS[name]})"
    sql, width = NUMBERS[name]
    return f"lpad(CAST({sql} AS VARCHAR), {width}, '0')" if element.filled else f"CAST({sql} AS VARCHAR)"


def in_case(sql: str, text: str) -> str:
    """A name in the case of the model: MONTH, Month, month."""
    if text[:1].islower():
        return f"lower({sql})"
    if text[1:2].islower():
        return f"(upper(left({sql}, 1)) || lower(substring({sql}, 2)))"
    return f"upper({sql})"


class ReadModel(Struct, frozen=True):
    """A pattern whose groups are the elements of a model, in their order."""

    pattern: str
    groups: tuple[str, ...]


DIGITS = {"YYYY": 4, "RRRR": 4, "YY": 2, "RR": 2, "MM": 2, "DD": 2, "DDD": 3, "J": 7, "HH24": 2, "HH12": 2, "HH": 2}
DIGITS |= {"MI": 2, "SS": 2, "SSSSS": 5}
TIMES = ("HH24", "HH12", "HH", "MI", "SS", "SSSSS", *FRACTIONS, *MERIDIEMS)
SHORT = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
LONG = "january|february|march|april|may|june|july|august|september|october|november|december"


def read_model(model: str) -> ReadModel:
    """How a text in that model is taken apart; what Oracle leaves out at the end may be left out here."""
    exact = is_exact(model)
    elements = split_model(model[2:] if exact else model)
    pieces: list[str] = []
    groups: list[str] = []
    optional = 0
    for index, element in enumerate(elements):
        if element.is_text:
            following = next((part.name for part in elements[index:] if not part.is_text), "")
            if not exact and following in TIMES and groups and following not in MERIDIEMS:
                optional += 1
                pieces.append("(?:")
            pieces.append(_read_text(element, exact))
            continue
        if element.name in groups:
            raise UnknownModel(f'"{element.text}" stands twice in the format "{model}"')
        groups.append(element.name)
        pieces.append(_read(element, _is_tight(elements, index), exact, model))
    pattern = "(?i)^" + ("" if exact else " *") + "".join(pieces) + ")?" * optional + ("$" if exact else " *$")
    _check_fields(groups, model)
    return ReadModel(pattern, tuple(groups))


def _read_text(element: Element, exact: bool) -> str:
    if exact or element.text.isalnum() or len(element.text) > 1:
        return re.escape(element.text)
    return " *" if element.text == " " else r"[^\pL\pN]"


def _is_tight(elements: Sequence[Element], index: int) -> bool:
    """Whether digits follow digits, so that only their number tells them apart."""
    following = elements[index + 1] if index + 1 < len(elements) else None
    return following is not None and (following.name in DIGITS or following.name in FRACTIONS)


def _read(element: Element, tight: bool, exact: bool, model: str) -> str:
    if element.name in ("MON", "MONTH"):
        return f"({SHORT if element.name == 'MON' else LONG})"
    if element.name in MERIDIEMS:
        return r"(a\.m\.|p\.m\.|am|pm)"
    if element.name in FRACTIONS:
        return rf"(\d{{1,{FRACTIONS[element.name]}}})"
    if element.name not in READ:
        raise UnknownModel(f'"{element.text}" in the format "{model}" is not covered where a text is read')
    width = DIGITS[element.name]
    needed = width if (tight or exact) and element.filled else 1
    return rf"(\d{{{needed},{width}}})"


def _check_fields(groups: Sequence[str], model: str) -> None:
    years = [name for name in groups if name in ("YYYY", "YY", "RR", "RRRR")]
    months = [name for name in groups if name in ("MM", "MON", "MONTH")]
    hours = [name for name in groups if name in ("HH24", "HH12", "HH")]
    halves = [name for name in groups if name in MERIDIEMS]
    whole = [name for name in groups if name in ("DDD", "J")]
    if max(map(len, (years, months, hours, halves))) > 1 or ("HH24" in hours and halves):
        raise UnknownModel(f'the format "{model}" says one thing twice')
    if whole and (months or "DD" in groups or len(whole) > 1):
        raise UnknownModel(f'the format "{model}" says the day twice')
    if "SSSSS" in groups and (hours or "MI" in groups or "SS" in groups):
        raise UnknownModel(f'the format "{model}" says the time twice')


def year_sql(groups: Sequence[str], now: str) -> str:
    """SQL of the year, from {m}, the list of what the groups hold."""
    for name in groups:
        field = _field(groups, name)
        match name:
            case "YYYY":
                return field
            case "YY":
                return f"year({now}) // 100 * 100 + {field}"
            case "RR" | "RRRR":
                pivot = f"read_pivot_year(year({now}), {field})"
                if name == "RR":
                    return pivot
                return f"CASE WHEN length({{m}}[{groups.index(name) + 1}]) > 2 THEN {field} ELSE {pivot} END"
    return f"year({now})"


def _field(groups: Sequence[str], name: str) -> str:
    return f"CAST(nullif({{m}}[{groups.index(name) + 1}], '') AS BIGINT)"


def moment_sql(groups: Sequence[str], now: str) -> str:
    """SQL of the TIMESTAMP that the groups tell, from {m}, the list of what they hold."""

    def value(name: str, default: str) -> str:
        return f"coalesce({_field(groups, name)}, {default})" if name in groups else default

    if "J" in groups:
        day = f"(DATE '2000-01-01' + CAST({_field(groups, 'J')} - 2451545 AS INTEGER))"
    elif "DDD" in groups:
        day = f"read_day_of_year({year_sql(groups, now)}, {_field(groups, 'DDD')})"
    else:
        day = f"make_date({year_sql(groups, now)}, {_month(groups, now)}, {value('DD', '1')})"
    hour = value("HH24", "0")
    half = next((name for name in groups if name in MERIDIEMS), None)
    if short := next((name for name in groups if name in ("HH12", "HH")), None):
        hour = f"read_hour({_field(groups, short)}, {f'{{m}}[{groups.index(half) + 1}]' if half else 'NULL'})"
    fraction = next((name for name in groups if name in FRACTIONS), None)
    micros = f"CAST(rpad({{m}}[{groups.index(fraction) + 1}], 6, '0') AS BIGINT)" if fraction else "0"
    if "SSSSS" in groups:
        seconds = f"to_seconds(read_within({_field(groups, 'SSSSS')}, 86399))"
        return f"CAST({day} AS TIMESTAMP) + {seconds} + to_microseconds({micros})"
    clock = f"read_clock({hour}, {value('MI', '0')}, {value('SS', '0')}, {micros})"
    return f"CAST({day} AS TIMESTAMP) + {clock}"


def _month(groups: Sequence[str], now: str) -> str:
    if "MM" in groups:
        return f"CAST({_field(groups, 'MM')} AS BIGINT)"
    for name in ("MON", "MONTH"):
        if name in groups:
            names = "[" + ", ".join(f"'{text}'" for text in SHORT.split("|")) + "]"
            return f"CAST(list_position({names}, lower(left({{m}}[{groups.index(name) + 1}], 3))) AS BIGINT)"
    return f"month({now})"


def covered_words() -> Iterator[tuple[str, bool, bool]]:
    """Every element, and whether it is covered where a text is written, and where one is read."""
    for word in ORACLE_WORDS:
        yield word, True, word in READ or word in MERIDIEMS or word in FRACTIONS
