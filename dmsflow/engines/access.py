"""The two databases of a pipeline, open: sessions for the target and for whoever reads the source."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.engines.address import Address, resolve
from dmsflow.engines.connections import open_engine
from dmsflow.engines.engine import Engine, Idioms, Session
from dmsflow.errors import ConnectionFailed
from dmsflow.model.spec import PipelineSpec

SOURCE_ALIAS = "dms_source"


class Access(Struct, frozen=True, kw_only=True):
    """Open engines. ``source`` is None where the target's own sessions read the source, beside or within it.

    ``one_database``: the target's sessions could read the source too, by the same names and as the same user.
    ``one_file``: both are one file, through engines of their own: nobody writes to it while somebody reads.
    ``reach`` attaches the source's server to a target that may read it as well; it says why that is not possible.
    """

    target: Engine
    source: Engine | None = None
    attach: str | None = None
    one_database: bool = False
    one_file: bool = False
    reach: Callable[[], str | None] | None = None

    @property
    def in_place(self) -> bool:
        """Whether rows need no way through this process."""
        return self.source is None

    @property
    def catalog(self) -> str | None:
        """The name under which the target sees an attached source."""
        return SOURCE_ALIAS if self.attach else None

    def open_target(self) -> Session:
        """A session of the target for this thread."""
        return self.target.connect()

    def open_source(self) -> Session:
        """A session for this thread that reads the source."""
        return (self.source or self.target).connect()

    def locate(self, spec: PipelineSpec) -> PipelineSpec:
        """The spec with its tables named as their databases find them."""
        reader = self.source or self.target
        table = spec.source.table
        if table is not None and not self.attach:
            spec = replace(spec, source=replace(spec.source, table=reader.locate(table)))
        return replace(spec, target=replace(spec.target, table=self.target.locate(spec.target.table)))

    @property
    def source_idioms(self) -> Idioms:
        """The dialect in which the source is read."""
        return (self.source or self.target).idioms

    @property
    def target_idioms(self) -> Idioms:
        """The dialect of the target."""
        return self.target.idioms


Opening = Callable[[PipelineSpec], AbstractContextManager[Access]]
"""A way to open both databases of a spec for a run."""


@contextmanager
def open_access(spec: PipelineSpec, *, read_only: bool = False, target_file: Path | None = None) -> Iterator[Access]:
    """Open both databases of a spec. Raises ConnectionFailed with what to do.

    ``read_only`` is for looking: an empty database elsewhere stands in for a target file that is not there yet.
    ``target_file`` stands in for that of the target, and of the source where it is the same.
    """
    from dmsflow.engines.duckdb import DuckDBEngine

    address = _resolve(spec, spec.target.connection)
    source = _resolve(spec, spec.source.connection) if spec.source.connection else None
    if target_file is not None:
        if source is not None and source.path == address.path:
            source = dataclasses.replace(source, path=str(target_file))
        address = dataclasses.replace(address, path=str(target_file))
    with ExitStack() as opened:
        if read_only and address.path is not None and not Path(address.path).exists():
            from tempfile import TemporaryDirectory

            elsewhere = Path(opened.enter_context(TemporaryDirectory()))
            address = dataclasses.replace(address, path=str(elsewhere / Path(address.path).name))
            read_only = False
        target = open_engine(address, read_only=read_only)
        opened.callback(target.close)
        reader: Engine | None = None
        attach = None
        reach = None
        if isinstance(target, DuckDBEngine):
            if source and source.scheme == "duckdb" and source.path != address.path:
                attach = str(source.path)
                target.attach(attach, SOURCE_ALIAS)
            elif source and source.scheme != "duckdb":
                reader = open_engine(source, read_only=True)
                if source.scheme == "postgresql":
                    reach = partial(target.attach_server, source, SOURCE_ALIAS)
        else:
            streams = spec.source.query is None
            reader = (
                open_engine(source, read_only=True, streams=streams) if source else DuckDBEngine(None, streams=streams)
            )
        if reader is not None:
            opened.callback(reader.close)
        yield Access(
            target=target,
            source=reader,
            attach=attach,
            reach=reach,
            one_database=_is_one_server(source, address),
            one_file=reader is not None and source is not None and source.path == address.path is not None,
        )


@contextmanager
def open_target(spec: PipelineSpec, *, read_only: bool = False) -> Iterator[Engine]:
    """Open the target of a spec alone, which must be there. Raises ConnectionFailed with what to do."""
    expect_target(spec)
    engine = open_engine(_resolve(spec, spec.target.connection), read_only=read_only)
    try:
        yield engine
    finally:
        engine.close()


def expect_target(spec: PipelineSpec) -> None:
    """Raise ConnectionFailed where the target is a file that is not there: opening would make it."""
    address = resolve(spec.connection(spec.target.connection))
    if address.path is not None and not Path(address.path).exists():
        raise ConnectionFailed(
            f'there is no file {address.path}, the target of pipeline "{spec.pipeline}": check the connection '
            f'"{address.name}"; the first apply makes it'
        )


def _resolve(spec: PipelineSpec, connection: str) -> Address:
    """The address of a connection, for this pipeline."""
    return dataclasses.replace(resolve(spec.connection(connection)), pipeline=spec.pipeline)


def _is_one_server(source: Address | None, target: Address) -> bool:
    """Whether both connections lead to one database of a server, as one user."""
    if source is None or source.scheme != target.scheme or source.path is not None:
        return False
    return source.url == target.url and source.options == target.options
