"""Opens the engine of an address: which database is which."""

from dmsflow.engines.address import Address
from dmsflow.engines.engine import Engine


def open_engine(address: Address, *, read_only: bool = False, streams: bool = False) -> Engine:
    """Open the database of an address. Raises ConnectionFailed with what to do.

    ``streams``: all that is read of it is tables, whose rows are sent elsewhere.
    """
    if address.scheme == "duckdb":
        from dmsflow.engines.duckdb import DuckDBEngine

        return DuckDBEngine(address.path, dict(address.options), read_only=read_only, streams=streams)
    if address.scheme == "postgresql":
        from dmsflow.engines.postgresql import PostgreSQLEngine

        return PostgreSQLEngine(address, read_only=read_only)
    if address.scheme == "oracle":
        from dmsflow.engines.oracle import OracleEngine

        return OracleEngine(address, read_only=read_only)
    from dmsflow.engines.generic import GenericEngine

    return GenericEngine(address, read_only=read_only)
