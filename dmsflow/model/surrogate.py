"""Where surrogate keys come from. Values only."""

from enum import StrEnum

from msgspec import Struct


class KeyFrom(StrEnum):
    """What makes a surrogate key: blocks of numbers that dmsflow counts, or the row's own key and start."""

    BLOCKS = "blocks"
    UUID = "uuid"


class SurrogateKey(Struct, frozen=True, kw_only=True):
    """How a target's surrogate keys are made; the name of their column is with the engine's other ones."""

    made_from: KeyFrom = KeyFrom.BLOCKS
