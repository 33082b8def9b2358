"""Whether the target's database itself keeps one current version per key. Makes no index."""

from typing import TYPE_CHECKING

from dmsflow.model.spec import UniqueIndex
from dmsflow.model.table import TableName, UniqueKey

if TYPE_CHECKING:
    from dmsflow.compiler.build import Builder


def makes_unique_index(builder: "Builder") -> bool:
    """Whether the plan makes an index for it."""
    if not builder.merge.keyed or builder.spec.target.unique_index is UniqueIndex.NEVER:
        return False
    always = builder.spec.target.unique_index is UniqueIndex.ALWAYS
    return always or (builder.facts.target.cheap_unique_index and builder.facts.target.shape is None)


def names_current(table: TableName) -> str:
    """The name of that index."""
    return f"{table.table}_current_key"


def keeps_key(builder: "Builder") -> bool:
    """Whether an index refuses a second current version: one that the plan makes, or one that is there."""
    if builder.facts.target.shape is None:
        return makes_unique_index(builder) and builder.facts.target.cheap_unique_index
    return any(_covers(builder, unique) for unique in builder.facts.target.unique)


def _covers(builder: "Builder", unique: UniqueKey) -> bool:
    merge = builder.merge
    if not {*unique.columns} <= {*merge.key}:
        return False
    if unique.condition is None:
        return True
    # The condition as the database writes it down: ("valid" = true).
    return merge.history and unique.condition.replace('"', "").strip("()") == f"{merge.fields.is_current} = true"
