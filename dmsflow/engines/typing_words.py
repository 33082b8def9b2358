"""The words of a database that alone can tell whether a text is a value of one of its types. Opens nothing."""

from typing import Protocol, runtime_checkable

from dmsflow.engines.engine import Idioms
from dmsflow.model.table import DataType


@runtime_checkable
class TypingIdioms(Idioms, Protocol):
    """How a database reads a text as a value, or says that it is none, without failing."""

    temporary_schema: str
    """Where functions stand that go with the session."""

    def tells_alone(self, data_type: DataType) -> bool:
        """Whether a text may be none of the type's values, and nobody else knows."""
        ...

    def create_reader(self, name: str, data_type: DataType) -> str:
        """DDL of a temporary function of a text: it returns the value, or NULL where the text is none."""
        ...
