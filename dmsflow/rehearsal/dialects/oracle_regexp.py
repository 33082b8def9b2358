"""Oracle's regular expressions in those of DuckDB. Refuses what RE2 cannot do, or would do otherwise."""

import re
from typing import TYPE_CHECKING

from dmsflow.rehearsal.dialects.calls import Untranslated
from dmsflow.rehearsal.dialects.kinds import BOOLEAN, INTEGER, TEXT, Value
from dmsflow.rehearsal.dialects.oracle_numbers import constant_integer, constant_text
from dmsflow.rehearsal.dialects.templates import fill, number, text

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

    from dmsflow.rehearsal.dialects.oracle import OracleRewriter

CLASSES = {
    "alpha": r"\pL",
    "digit": r"0-9",
    "alnum": r"\pL\p{Nd}",
    "upper": r"\p{Lu}",
    "lower": r"\p{Ll}",
    "space": r"\s",
    "blank": r" \t",
    "punct": r"[:punct:]",
    "xdigit": r"0-9A-Fa-f",
    "cntrl": r"[:cntrl:]",
}
PERL = {"d": "[0-9]", "D": "[^0-9]", "w": r"[\pL\p{Nd}_]", "W": r"[^\pL\p{Nd}_]"}
PERL |= {"s": r"[\s\v]", "S": r"[^\s\v]", "A": r"\A", "Z": r"\z", "z": r"\z"}
MARK = "chr(57344)"


def translate_pattern(node: "Expr", flags: str) -> str:
    """The pattern as RE2 reads it, the flags in front of it."""
    written = constant_text(node, "the pattern")
    made, at = [], 0
    while at < len(written):
        char = written[at]
        if char == "[":
            bracket, at = _bracket(node, written, at)
            made.append(bracket)
            continue
        if char == "\\":
            piece, at = _escape(node, written, at)
            made.append(piece)
            continue
        if written.startswith("(?", at):
            raise Untranslated(node, "(? in a pattern is not covered")
        if char == "{" and not re.match(r"\{\d+(,\d*)?\}", written[at:]):
            raise Untranslated(node, "{ in a pattern is covered as {m}, {m,} or {m,n}")
        made.append(char)
        at += 1
    pattern = "".join(made)
    modes = "".join(sorted({{"n": "s", "m": "m", "i": "i"}[flag] for flag in flags if flag in "nmi"}))
    off = "" if "n" in flags else "-s"
    return f"(?{modes}{off})" * bool(modes or off) + pattern


def _escape(node: "Expr", written: str, at: int) -> tuple[str, int]:
    following = written[at + 1 : at + 2]
    if following.isdigit():
        raise Untranslated(node, f"RE2, by which DuckDB searches, has no \\{following} in a pattern")
    if following in PERL:
        return PERL[following], at + 2
    if not following:
        raise Untranslated(node, "the pattern ends in a backslash")
    return re.escape(following) if not following.isalnum() else following, at + 2


def _bracket(node: "Expr", written: str, at: int) -> tuple[str, int]:
    """A set of characters; a backslash in it is one of them."""
    made, at = ["["], at + 1
    if written.startswith("^", at):
        made.append("^")
        at += 1
    first = True
    while at < len(written):
        if written[at] == "]" and not first:
            return "".join(made) + "]", at + 1
        if found := re.match(r"\[:(\w+):\]", written[at:]):
            if found[1] not in CLASSES:
                raise Untranslated(node, f"[:{found[1]}:] in a pattern is not covered")
            made.append(CLASSES[found[1]])
            at += found.end()
        elif written.startswith(("[.", "[="), at):
            raise Untranslated(node, "[. and [= in a pattern are not covered")
        else:
            made.append("\\" + written[at] if written[at] in "\\[]" else written[at])
            at += 1
        first = False
    raise Untranslated(node, "the pattern has a [ that is not closed")


def _flags(arguments: "list[Expr]", index: int) -> str:
    if len(arguments) <= index:
        return ""
    flags = constant_text(arguments[index], "the flags")
    if set(flags) - set("icnm"):
        raise Untranslated(arguments[index], "the flags i, c, n and m are covered")
    return flags.replace("i", "") if flags.rfind("c") > flags.rfind("i") else flags


def _integer(arguments: "list[Expr]", index: int, default: int) -> int:
    return constant_integer(arguments[index], "the argument") if len(arguments) > index else default


def _check_alternatives(node: "Expr") -> None:
    """Oracle takes the longest of alternatives and RE2 the first: they must begin differently."""
    written = constant_text(node, "the pattern")
    if "|" not in written:
        return
    groups = re.split(r"[()]", written)
    for group in groups:
        starts = [part.lstrip("^")[:1] for part in group.split("|")] if "|" in group else []
        plain = all(start.isalnum() or start in ",;:/ -_" for start in starts)
        if not plain or len(set(starts)) < len(starts) or "" in starts:
            raise Untranslated(node, "alternatives of a pattern are covered where each begins with another character")


def _check_filled(node: "Expr") -> None:
    """A match of nothing is found at other places by RE2."""
    written = constant_text(node, "the pattern")
    outline = re.sub(r"\[\^?\]?(\[:\w+:\]|[^\]])*\]", "a", written)
    try:
        empty = re.search(outline, "") is not None or re.search(outline, "\x00\x00") is not None
    except re.error as error:
        raise Untranslated(node, "this pattern is not covered") from error
    if empty:
        raise Untranslated(node, "a pattern that finds an empty text is not covered here")


def _searched(rewriter: "OracleRewriter", arguments: "list[Expr]", position: int) -> "Expr":
    """The text from a position on."""
    given = rewriter.take("t", arguments[0])
    if position < 1:
        raise Untranslated(arguments[2], "the position begins at 1")
    if position == 1:
        return given
    if "^" in re.sub(r"\[\^", "", constant_text(arguments[1], "the pattern")):
        raise Untranslated(arguments[1], "^ with a position is not covered")
    return rewriter.call("ora_from", given, number(position))


def like(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """Whether a text has a match."""
    pattern = text(translate_pattern(arguments[1], _flags(arguments, 2)))
    return Value(rewriter.call("regexp_matches", rewriter.take("t", arguments[0]), pattern), BOOLEAN)


def count(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """How many matches a text has."""
    _check_filled(arguments[1])
    pattern = text(translate_pattern(arguments[1], _flags(arguments, 3)))
    searched = _searched(rewriter, arguments, _integer(arguments, 2, 1))
    given = rewriter.take("t", arguments[0])
    sql = "CASE WHEN {g} IS NULL THEN NULL ELSE coalesce(len(regexp_extract_all({t}, {p})), 0) END"
    return Value(fill(sql, g=given, t=searched, p=pattern), INTEGER)


def substr(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """The match, or a group of it."""
    occurrence, group = _integer(arguments, 3, 1), _integer(arguments, 5, 0)
    if occurrence < 1:
        raise Untranslated(arguments[3], "the occurrence begins at 1")
    if group > 9 or group < 0:
        raise Untranslated(arguments[5], "the groups 0 to 9 are covered")
    _check_alternatives(arguments[1])
    if occurrence > 1:
        _check_filled(arguments[1])
    pattern = text(translate_pattern(arguments[1], _flags(arguments, 4)))
    searched = _searched(rewriter, arguments, _integer(arguments, 2, 1))
    if occurrence == 1:
        sql = fill("nullif(regexp_extract({t}, {p}, {g}), '')", t=searched, p=pattern, g=number(group))
    else:
        sql = fill(
            "nullif(list_extract(regexp_extract_all({t}, {p}, {g}), {n}), '')",
            t=searched,
            p=pattern,
            g=number(group),
            n=number(occurrence),
        )
    return Value(sql, TEXT)


def instr(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """Where a match begins, or what follows it."""
    position, occurrence, after = (_integer(arguments, index, default) for index, default in ((2, 1), (3, 1), (4, 0)))
    if occurrence < 1 or after not in (0, 1):
        raise Untranslated(node, "this occurrence, or this end, is not covered")
    _check_filled(arguments[1])
    if after:
        _check_alternatives(arguments[1])
    pattern = translate_pattern(arguments[1], _flags(arguments, 5))
    searched = _searched(rewriter, arguments, position)
    by = f"'\\0' || {MARK}" if after else f"{MARK} || '\\0'"
    marked = fill(f"regexp_replace({{t}}, {{p}}, {by}, 'g')", t=searched, p=text(pattern))
    return Value(rewriter.call("ora_mark", marked, number(occurrence), number(position)), INTEGER)


def replace_(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """Every match, or the first one, replaced."""
    by = arguments[2] if len(arguments) > 2 else None
    position, occurrence = _integer(arguments, 3, 1), _integer(arguments, 4, 0)
    if position != 1 or occurrence not in (0, 1):
        raise Untranslated(
            arguments[3 if position != 1 else 4], "every occurrence, or the first one, from 1 on is covered"
        )
    _check_filled(arguments[1])
    _check_alternatives(arguments[1])
    pattern = text(translate_pattern(arguments[1], _flags(arguments, 5)))
    template = text(_replacement(by) if by is not None else "")
    given = rewriter.take("t", arguments[0])
    options = "" if occurrence else ", 'g'"
    return Value(
        fill(f"nullif(regexp_replace({{t}}, {{p}}, {{r}}{options}), '')", t=given, p=pattern, r=template), TEXT
    )


def _replacement(node: "Expr") -> str:
    r"""What a match becomes: \1 is a group in both, another backslash stands for itself."""
    from sqlglot import exp

    if isinstance(node, exp.Null):
        return ""
    written = constant_text(node, "the replacement")
    return re.sub(r"\\(\\|[1-9]|)", lambda found: found[0] if found[1] else "\\\\", written)
