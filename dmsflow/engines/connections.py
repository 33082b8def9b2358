"""Opens the engine of an address: which database is which, and which this version does not run."""

from dmsflow.engines.address import Address
from dmsflow.engines.engine import Engine
from dmsflow.errors import ConnectionFailed

EXTRAS = {"postgresql": "postgres"}
NOT_YET = {"oracle": "Oracle", "postgresql": "PostgreSQL"}


def open_engine(address: Address, *, read_only: bool = False) -> Engine:
    """Open the database of an address. Raises ConnectionFailed with what to do."""
    if address.scheme == "duckdb":
        from dmsflow.engines.duckdb import DuckDBEngine

        return DuckDBEngine(address.path, dict(address.options), read_only=read_only)
    if address.scheme in NOT_YET:
        extra = EXTRAS.get(address.scheme)
        hint = f' (its driver comes with "pip install dmsflow[{extra}]")' if extra else ""
        raise ConnectionFailed(
            f'connection "{address.name}": this version does not run {NOT_YET[address.scheme]} yet{hint}'
        )
    from dmsflow.engines.generic import GenericEngine

    return GenericEngine(address, read_only=read_only)
