"""Oracle's literals of dates, timestamps and intervals."""

import re
from datetime import datetime
from typing import TYPE_CHECKING

from dmsflow.rehearsal.dialects.calls import Untranslated
from dmsflow.rehearsal.dialects.kinds import DATE, DAYS, MONTHS, TIMESTAMP, Value
from dmsflow.rehearsal.dialects.templates import fill, number, text

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

SIZES = {"DAY": 86_400_000_000, "HOUR": 3_600_000_000, "MINUTE": 60_000_000, "SECOND": 1_000_000}
ORDER = tuple(SIZES)
SPANS = {
    ("DAY", "HOUR"): r"(\d+) (\d+)",
    ("DAY", "MINUTE"): r"(\d+) (\d+):(\d+)",
    ("DAY", "SECOND"): r"(\d+) (\d+):(\d+):(\d+(?:\.\d+)?)",
    ("HOUR", "MINUTE"): r"(\d+):(\d+)",
    ("HOUR", "SECOND"): r"(\d+):(\d+):(\d+(?:\.\d+)?)",
    ("MINUTE", "SECOND"): r"(\d+):(\d+(?:\.\d+)?)",
}


def moment_literal(node: "Expr") -> Value:
    """DATE '...' and TIMESTAMP '...'."""
    from sqlglot import exp

    dated = isinstance(node, exp.DateStrToDate)
    given = node.this.name if isinstance(node.this, exp.Literal) else ""
    for form in ("%Y-%m-%d",) if dated else ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f"):
        try:
            moment = datetime.strptime(given.strip(), form)  # noqa: DTZ007 - Oracle's has no zone either
        except ValueError:
            continue
        return Value(fill("CAST({t} AS TIMESTAMP)", t=text(moment.isoformat(sep=" "))), DATE if dated else TIMESTAMP)
    shape = "DATE 'YYYY-MM-DD'" if dated else "TIMESTAMP 'YYYY-MM-DD HH24:MI:SS', without a time zone"
    raise Untranslated(node.this if isinstance(node.this, exp.Expression) else node, f"the literal is not {shape}")


def interval_literal(node: "Expr") -> Value:
    """INTERVAL '...' with one unit or two."""
    from sqlglot import exp

    unit = node.args.get("unit")
    if not isinstance(node.this, exp.Literal) or unit is None:
        raise Untranslated(node, "this INTERVAL is not covered")
    given = node.this.name.strip()
    minus = given.startswith("-")
    body = given.lstrip("+-")
    names = (unit.this.name, unit.expression.name) if isinstance(unit, exp.IntervalSpan) else (unit.name,)
    units = tuple(name.upper() for name in names)
    if units[0] in ("YEAR", "MONTH"):
        months = _months(node, body, units)
        return Value(fill("to_months({n})", n=_signed(months, minus)), MONTHS)
    micros = _micros(node, body, units)
    return Value(fill("to_microseconds({n})", n=_signed(micros, minus)), DAYS)


def _signed(amount: int, minus: bool) -> "Expr":
    from sqlglot import exp

    return exp.Neg(this=number(amount)) if minus else number(amount)


def _months(node: "Expr", body: str, units: tuple[str, ...]) -> int:
    found = re.fullmatch(r"(\d+)-(\d+)" if units == ("YEAR", "MONTH") else r"(\d+)", body)
    if found is None or (len(units) > 1 and units != ("YEAR", "MONTH")):
        raise Untranslated(node.this, f"the INTERVAL is not one of {' TO '.join(units)}")
    if len(units) > 1:
        return int(found[1]) * 12 + int(found[2])
    return int(found[1]) * (12 if units[0] == "YEAR" else 1)


def _micros(node: "Expr", body: str, units: tuple[str, ...]) -> int:
    span = SPANS.get((units[0], units[-1])) if len(units) > 1 else r"(\d+(?:\.\d+)?)" if units[0] in SIZES else None
    found = re.fullmatch(span, body) if span else None
    if found is None:
        raise Untranslated(node.this, f"the INTERVAL is not one of {' TO '.join(units)}")
    start = ORDER.index(units[0])
    parts = zip(ORDER[start:], found.groups(), strict=False)
    total = 0
    for unit, part in parts:
        whole, _, broken = part.partition(".")
        total += int(whole) * SIZES[unit] + int((broken + "0" * 6)[:6]) * SIZES[unit] // 10**6
    return total
