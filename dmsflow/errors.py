"""The exceptions of dmsflow, for what cannot go on. Problems of a spec are Diagnostics; refused rows are rejects.

DmsflowError
├── SpecRejected            the compiler found errors; carries every Diagnostic
├── PlanRefused             a saved plan or a broken run no longer fits what is there now
├── ConnectionFailed        a database cannot be opened, or its secret cannot be resolved
├── TargetBusy              another run holds the lease of the target
├── Refusal                 a load is refused for what it holds: by a guard, or by a check of the spec
├── TooManyRefused          the target refuses more rows of a chunk than the spec allows
├── LedgerError             the ledger cannot be read or written; the data of a load is not touched by it
└── DatabaseError           a statement failed, as its engine judged it
    ├── Interrupted         it was ended because the run was asked to stop
    ├── TransientError      the same statement may succeed when tried again
    │   └── SnapshotLost    the state that a run reads serves no more
    └── PermanentError      it will not: syntax, permission, a full disk
        └── RowRefused      a row is none that the table takes: constraint, overflow, a trigger
            └── ValueRefused    a text is no value of its column's type, in a row that is only arriving
"""

from dmsflow.diagnostics import Diagnostic


class DmsflowError(Exception):
    """The root: everything dmsflow raises on purpose."""


class SpecRejected(DmsflowError):
    """The spec has errors, all of them listed in ``diagnostics``."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(f"{len(diagnostics)} problems in the spec")
        self.diagnostics = diagnostics


class PlanRefused(DmsflowError):
    """A plan no longer fits the spec, the target or the checkpoint."""


class ConnectionFailed(DmsflowError):
    """A connection cannot be opened; the message never holds a secret."""


class TargetBusy(DmsflowError):
    """Another run holds the lease of the target."""


class Refusal(DmsflowError):
    """A load is refused for what it holds; ``next_step`` is what to do, in full."""

    def __init__(self, message: str, *, next_step: str | None = None) -> None:
        super().__init__(message)
        self.next_step = next_step


class GuardRefused(Refusal):
    """A guard looked at the extract and refused it."""


class CheckFailed(Refusal):
    """A blocking check does not hold for the staged rows, or for the target after the load."""


class PromiseBroken(DmsflowError):
    """What a chunk wrote does not add up: rows unaccounted for, or a history that breaks a law. Rolled back."""


class TooManyRefused(DmsflowError):
    """The target has refused more rows than the spec allows. They are kept as rejects; nothing else is written."""


class LedgerError(DmsflowError):
    """The ledger cannot be read or written. Loaded data is safe without it; a run goes on with a warning."""


class DatabaseError(DmsflowError):
    """A statement failed. The driver's own error is the ``__cause__``."""


class TransientError(DatabaseError):
    """Trying the chunk again may help: a lost connection, a deadlock, a conflict."""


class SnapshotLost(TransientError):
    """Whoever exported a snapshot is gone, or others have written what it does not show: another one has to be read."""


class Interrupted(DatabaseError):
    """Nothing went wrong: the run was asked to stop while a statement, or a lock, was waited for."""


class PermanentError(DatabaseError):
    """Trying again cannot help: a constraint, the syntax, a permission."""


class RowRefused(PermanentError):
    """A row is refused by its values. ``reason`` is that of a reject, ``told`` are the database's own words."""

    def __init__(self, message: str, *, reason: str, told: str, column: str | None = None) -> None:
        super().__init__(message)
        self.reason, self.told, self.column = reason, told, column


class ValueRefused(RowRefused):
    """A row that arrives holds a value that is none of its type, as only the target's own database can tell."""
