"""What names mean inside a SELECT, and small questions to nodes of a tree. Rewrites nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dmsflow.rehearsal.dialects.kinds import Columns, Type

if TYPE_CHECKING:
    from sqlglot.expressions import Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What names mean inside one SELECT; None where the columns of a table are not known."""

    sources: Mapping[str, Columns | None] = field(default_factory=dict)
    ctes: Mapping[str, Columns | None] = field(default_factory=dict)
    outputs: Columns = field(default_factory=dict)
    outer: "Scope | None" = None

    def find(self, name: str, qualifier: str) -> Type | None:
        """The type of a column; None where nothing has it."""
        named = [self.sources.get(qualifier)] if qualifier else list(self.sources.values())
        for columns in named:
            if columns and name in columns:
                return columns[name]
        if not qualifier and name in self.outputs:
            return self.outputs[name]
        return self.outer.find(name, qualifier) if self.outer else None


def given_parts(node: "Expr", allowed: set[str] | frozenset[str]) -> list[str]:
    """The parts of a node that are there and are not among these."""
    return [name for name, part in node.args.items() if part and name not in allowed]


def word(key: str) -> str:
    """The key of a node as it is written in SQL, more or less."""
    return key.strip("_").replace("_", " ").upper()


def is_position(node: "Expr") -> bool:
    """Whether it is a number constant."""
    from sqlglot import exp

    return isinstance(node, exp.Literal) and node.is_int


def listed_parts(node: "Expr") -> "list[Expr]":
    """The values of a tuple, or the only one."""
    from sqlglot import exp

    return list(node.expressions) if isinstance(node, exp.Tuple) else [node]


def renamed(columns: Columns | None, alias: "Expr | None") -> Columns | None:
    """Columns under the names that an alias gives them."""
    names = [part.name.lower() for part in (alias.args.get("columns") or [])] if alias is not None else []
    if not names or columns is None:
        return columns
    types = list(columns.values())
    return dict(zip(names, types, strict=False)) if len(names) == len(types) else None


def nearest_place(node: "Expr") -> "Expr":
    """The node, or the nearest one around it that has a place in the text."""
    while node.parent is not None and not any("start" in part.meta for part in node.walk()):
        node = node.parent
    return node
