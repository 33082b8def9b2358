"""What the surrogate key of a new row is. Reads no table."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from dmsflow.model.surrogate import KeyFrom
from dmsflow.scd.shape import Element, MergeShape


class Words(sa.ColumnElement[Any]):
    """An expression in a database's own words, over elements that stand at ``{0}``, ``{1}`` and so on."""

    inherit_cache = False

    def __init__(self, template: str, *parts: Element) -> None:
        self.template, self.parts = template, parts


@compiles(Words)
def _write_words(element: Words, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's signature
    return element.template.format(*(compiler.process(part, **kw) for part in element.parts))


def surrogate_values(shape: MergeShape, rows: sa.FromClause, values: dict[str, Element]) -> dict[str, Element]:
    """The surrogate key of a new row, where the target has one; ``values`` are the engine's other columns."""
    name, fields = shape.fields.surrogate_key, shape.fields
    if not name:
        return {}
    match shape.key_from:
        case KeyFrom.BLOCKS:
            return {name: sa.bindparam("sk_base", type_=sa.BigInteger()) + sa.func.row_number().over()}
        case KeyFrom.IDENTITY:
            return {}
        case KeyFrom.SEQUENCE:
            return {name: sa.literal_column(shape.key_words)}
        case KeyFrom.UUID:
            start = [values[fields.valid_from]] if shape.history else []
            return {name: Words(shape.key_words, *(rows.c[part] for part in shape.key), *start)}
