"""SQL of DuckDB with holes, filled with expressions that are trees. Glues no text of a user."""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot.expressions import Expr


@lru_cache(maxsize=512)
def _parse(template: str) -> "Expr":
    import sqlglot

    return sqlglot.parse_one(template, read="duckdb", error_level=sqlglot.ErrorLevel.RAISE)


def fill(template: str, **parts: "Expr") -> "Expr":
    """The template with a tree for every name in braces."""
    from sqlglot import exp

    for name in parts:
        template = template.replace(f"{{{name}}}", f"_hole_{name}")
    holes = {f"_hole_{name}": part for name, part in parts.items()}

    def put(node: "Expr") -> "Expr":
        if isinstance(node, exp.Column) and not node.args.get("table") and node.name in holes:
            return holes[node.name].copy()
        return node

    return _parse(template).copy().transform(put)


def text(value: str) -> "Expr":
    """A text constant."""
    from sqlglot import exp

    return exp.Literal.string(value)


def number(value: int | str) -> "Expr":
    """A number constant."""
    from sqlglot import exp

    return exp.Literal.number(value)


def cast(node: "Expr", kind: str) -> "Expr":
    """The value in a type of DuckDB. sqlglot's own cast leaves a cast to the same type with other digits as it is."""
    from sqlglot import exp

    return exp.Cast(this=node, to=exp.DataType.build(kind, dialect="duckdb"))


def decimal(node: "Expr", scale: int) -> "Expr":
    """A number as a DECIMAL of that scale."""
    return cast(node, f"DECIMAL(38, {scale})")
