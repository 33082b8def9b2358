"""Prepares the scratch: its rows, its days, the spec that reads them. Reads the user's source; writes nothing there."""

from contextlib import closing
from typing import Any

import msgspec

from dmsflow.compiler.compile import examine
from dmsflow.compiler.load import LoadedSpec
from dmsflow.engines.access import open_access
from dmsflow.engines.duckdb import DuckDBEngine
from dmsflow.errors import ConnectionFailed
from dmsflow.rehearsal.days import make_days
from dmsflow.rehearsal.made_up import make_rows
from dmsflow.torture.conduct import Prepared
from dmsflow.torture.dimensions import make_dimensions, sample_dimensions
from dmsflow.torture.layout import lay_out, rewrite
from dmsflow.torture.pool import assume, sample_rows, source_types
from dmsflow.torture.scratch import Scratch


def prepare(loaded: LoadedSpec, scratch: Scratch, rows: int, seed: int, *, generate: bool) -> None:
    """Write the days and the rewritten spec. Raises SpecRejected, PlanRefused, ConnectionFailed."""
    spec, note = loaded.raise_if_rejected(), ""
    engine = DuckDBEngine(str(scratch.root / "pool.duckdb"))
    content: Any = loaded.document.content
    with closing(engine.connect()) as session:
        if not generate:
            try:
                with open_access(spec, read_only=True) as access:
                    examined = examine(loaded, access)
                    spec, columns = examined.spec, examined.columns
                    layout = lay_out(spec, columns, source_types(examined))
                    sample_rows(examined, access, layout, rows, session)
                    sample_dimensions(spec, access, scratch.dimensions, session)
            except ConnectionFailed as error:
                generate, note = True, f"the source cannot be read ({error})"
        if generate:
            columns, types = assume(spec, note or "--generate reads no source")
            layout = lay_out(spec, columns, types)
            make_rows(layout, rows, seed, session)
            make_dimensions(spec, types, seed, scratch.dimensions, session)
    usable = make_days(layout, engine, seed, scratch.day_file)
    engine.close()
    told = f"{note}: rows are made up" if note else ""
    prepared = Prepared(base=rewrite(spec, content, columns, usable), rows=usable, generated=generate, note=told)
    scratch.base_file.write_bytes(msgspec.json.encode(prepared))
