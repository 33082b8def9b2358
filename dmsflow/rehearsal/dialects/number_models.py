"""Format models of Oracle's numbers: into SQL that writes or reads them. Knows no rewriter."""

import re

from msgspec import Struct

from dmsflow.rehearsal.dialects.date_models import UnknownModel

SHAPE = re.compile(
    r"(?P<fm>FM)?(?P<s1>S)?(?P<dollar>\$)?(?P<whole>[09,G]*)(?:(?P<point>[.D])(?P<part>[09]*))?(?P<s2>S|MI|PR)?",
    re.IGNORECASE,
)
COVERED = ("9", "0", ". D", ", G", "$", "S", "MI", "PR", "FM", "TM9")


class NumberModel(Struct, frozen=True, kw_only=True):
    """A model in its parts."""

    text: str
    bare: bool
    sign: str
    dollar: bool
    whole: str
    point: bool
    part: str

    @property
    def places(self) -> int:
        """Digits before the point."""
        return len(self.whole.replace(",", ""))

    @property
    def forced(self) -> int:
        """Digits before the point that are written as zeros, where the number has none."""
        digits = self.whole.replace(",", "")
        return len(digits) - digits.index("0") if "0" in digits else 0


def split_number(model: str) -> NumberModel:
    """The parts of a model. Raises UnknownModel at what is not covered."""
    found = SHAPE.fullmatch(model)
    if found is None or not (found["whole"] or found["part"]):
        raise UnknownModel(f'the format "{model}" of a number is not covered')
    whole = found["whole"].upper().replace("G", ",")
    if (found["s1"] and found["s2"]) or whole.startswith(","):
        raise UnknownModel(f'the format "{model}" of a number is not covered')
    sign = "S_" if found["s1"] else {"S": "_S", "MI": "MI", "PR": "PR"}.get((found["s2"] or "").upper(), "")
    return NumberModel(
        text=model,
        bare=bool(found["fm"]),
        sign=sign,
        dollar=bool(found["dollar"]),
        whole=whole,
        point=found["point"] is not None,
        part=found["part"] or "",
    )


def write_number(model: str) -> str:
    """SQL of the text that a model makes of the DECIMAL {x}."""
    parts = split_number(model)
    decimals = len(parts.part)
    rounded = f"CAST(round(abs({{x}}), {decimals}) AS DECIMAL(38, {decimals}))"
    digits = f"CAST(trunc({rounded}) AS DECIMAL(38, 0))"
    whole = f"CASE WHEN {digits} = 0 THEN '' ELSE CAST({digits} AS VARCHAR) END"
    filled = f"lpad({whole}, CAST(greatest(length({whole}), {parts.forced}) AS INTEGER), '0')"
    if not parts.part and not parts.forced:
        filled = f"CAST({digits} AS VARCHAR)"
    body = _grouped(f"lpad({filled}, {parts.places}, ' ')", parts.whole)
    tail = _tail(rounded, parts)
    text = f"ltrim({body}) || {tail}" if tail else f"ltrim({body})"
    dollar = "'$' || " if parts.dollar else ""
    shown = _signed(f"{dollar}{text}", parts)
    width = len(parts.whole) + (decimals + 1 if parts.point else 0) + int(parts.dollar)
    total = width + {"": 1, "S_": 1, "_S": 1, "MI": 1, "PR": 2}[parts.sign]
    padded = f"trim({shown})" if parts.bare else f"lpad({shown}, {total}, ' ')"
    return f"CASE WHEN length({whole}) > {parts.places} THEN repeat('#', {total}) ELSE {padded} END"


def _grouped(digits: str, whole: str) -> str:
    """Digits with commas; a comma before the first digit is a blank."""
    pieces, at = [], 1
    for group in whole.split(","):
        if at > 1:
            pieces.append(f"CASE WHEN substring({digits}, {at - 1}, 1) = ' ' THEN ' ' ELSE ',' END")
        if group:
            pieces.append(f"substring({digits}, {at}, {len(group)})")
        at += len(group)
    return "(" + (" || ".join(pieces) or "''") + ")"


def _tail(rounded: str, parts: NumberModel) -> str:
    if not parts.point:
        return ""
    if not parts.part:
        return "'.'"
    tail = f"right(CAST({rounded} AS VARCHAR), {len(parts.part)})"
    if parts.bare and (kept := parts.part.rfind("0") + 1) < len(parts.part):
        tail = f"(left({tail}, {kept}) || rtrim(substring({tail}, {kept + 1}), '0'))"
    return f"'.' || {tail}"


def _signed(text: str, parts: NumberModel) -> str:
    minus = "{x} < 0"
    match parts.sign:
        case "S_":
            return f"(CASE WHEN {minus} THEN '-' ELSE '+' END || {text})"
        case "_S":
            return f"({text} || CASE WHEN {minus} THEN '-' ELSE '+' END)"
        case "MI":
            return f"({text} || CASE WHEN {minus} THEN '-' ELSE ' ' END)"
        case "PR":
            return f"CASE WHEN {minus} THEN '<' || {text} || '>' ELSE ' ' || {text} || ' ' END"
    return f"(CASE WHEN {minus} THEN '-' ELSE '{'' if parts.bare else ' '}' END || {text})"


def read_number(model: str) -> tuple[str, int]:
    """A pattern of the texts that a model reads, and how many digits there may be before the point."""
    parts = split_number(model)
    groups = parts.whole.split(",")
    if any(len(group) != 3 for group in groups[1:]):
        raise UnknownModel(f'the format "{model}" of a number is not covered where a text is read')
    whole = r"\d{1,3}(,\d{3})*" if len(groups) > 1 else r"\d*"
    dollar = r"\$?" if parts.dollar else ""
    number = dollar + whole + (rf"(\.\d{{0,{len(parts.part)}}})?" if parts.point else "")
    match parts.sign:
        case "MI":
            return rf"{number}-?", parts.places
        case "_S":
            return rf"{number}[+-]", parts.places
        case "S_":
            return rf"[+-]{number}", parts.places
        case "PR":
            return rf"(<{number}>|{number})", parts.places
    return rf"[+-]?{number}", parts.places
