"""Transactions in which several statements look at one state. Opens none."""

from typing import Protocol, runtime_checkable

from dmsflow.engines.engine import Session


@runtime_checkable
class SteadySession(Session, Protocol):
    """A session of a database whose plain transactions may show each statement another state than the one before."""

    def begin_steady(self) -> None:
        """Open a transaction whose statements all see one state."""
        ...
