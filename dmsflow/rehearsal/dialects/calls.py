"""The functions of a dialect as rows of a table: name, arguments, what they become. Holds no function itself."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dmsflow.rehearsal.dialects.kinds import Type, Value

if TYPE_CHECKING:
    from sqlglot.expressions import Expr


class Untranslated(Exception):
    """A part of an SQL text means nothing, or something else, in DuckDB."""

    def __init__(self, node: "Expr", message: str) -> None:
        super().__init__(message)
        self.node, self.message = node, message


Build = Callable[[Any, "Expr", "list[Expr]"], Value]
"""From the rewriter, the call and its arguments as they are written."""


class Function(Struct, frozen=True, kw_only=True):
    """One function that is covered: how often it takes what, and how it is said in DuckDB."""

    usage: str
    least: int
    most: int | None
    build: Build
    how: str
    group: str

    @property
    def name(self) -> str:
        """As it is called."""
        return self.usage.partition("(")[0].split()[0]


class Signature(Struct, frozen=True):
    """Arguments by one letter each (t text, n number, d date, a any; behind ? they may be left out), and the result."""

    letters: str
    returns: Type
    calls: str
    defaults: tuple[str, ...] = ()
    """What stands for the last arguments where they are left out, as SQL of DuckDB."""

    def __call__(self, rewriter: Any, node: "Expr", arguments: "list[Expr]") -> Value:  # noqa: ANN401
        """The call of a macro or a function of DuckDB."""
        import sqlglot

        letters = self.letters.replace("?", "")
        given = [rewriter.take(letter, part) for letter, part in zip(letters, arguments, strict=False)]
        missing = self.defaults[len(self.defaults) - (len(letters) - len(given)) :] if self.defaults else ()
        given += [sqlglot.parse_one(text, read="duckdb") for text in missing]
        return Value(rewriter.call(self.calls, *given), self.returns)


def signed(group: str, usage: str, letters: str, returns: Type, calls: str, *defaults: str) -> Function:
    """A function whose arguments are taken each by itself."""
    least = len(letters.partition("?")[0])
    build = Signature(letters, returns, calls, defaults)
    how = "macro" if calls.startswith(("ora_", "pg_", "exact_")) else f"`{calls}` of DuckDB"
    return Function(usage=usage, least=least, most=len(letters.replace("?", "")), build=build, how=how, group=group)


def built(group: str, usage: str, least: int, most: int | None, build: Build, how: str) -> Function:
    """A function that is rewritten."""
    return Function(usage=usage, least=least, most=most, build=build, how=how, group=group)
