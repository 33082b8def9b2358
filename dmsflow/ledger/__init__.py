"""The ledger: what ran and what runs, for people and other processes. Loads are safe without it."""

from dmsflow.ledger.ledger import Clock, Ledger, open_ledger
from dmsflow.ledger.location import find_ledger, locate_ledger, log_file_beside
from dmsflow.ledger.rows import RunRow
from dmsflow.processes import this_host

__all__ = [
    "Clock",
    "Ledger",
    "RunRow",
    "find_ledger",
    "locate_ledger",
    "log_file_beside",
    "open_ledger",
    "this_host",
]
