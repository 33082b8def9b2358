"""Where surrogate keys come from. Values only."""

from enum import StrEnum

from msgspec import Struct

from dmsflow.model.table import TableName


class KeyFrom(StrEnum):
    """What makes a surrogate key: blocks that dmsflow counts, the database, or the row's own key and start."""

    BLOCKS = "blocks"
    IDENTITY = "identity"
    SEQUENCE = "sequence"
    UUID = "uuid"


class SurrogateKey(Struct, frozen=True, kw_only=True):
    """How a target's surrogate keys are made; the name of their column is with the engine's other ones.

    ``sequence`` None is one of dmsflow's own naming.
    """

    made_from: KeyFrom = KeyFrom.BLOCKS
    sequence: TableName | None = None
