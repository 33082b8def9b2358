"""dmsflow loads tables from one database into another: declared in YAML, planned, exact, resumable.

``load_spec`` reads a spec offline, ``open_access`` opens its databases, ``compile_plan`` turns spec and databases
into a Plan, ``apply_plan`` runs it and returns a RunReport. Each is imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmsflow.compiler.compile import compile_plan
    from dmsflow.compiler.load import load_spec
    from dmsflow.engines.access import open_access
    from dmsflow.runtime.apply import apply_plan

__all__ = ["apply_plan", "compile_plan", "load_spec", "open_access"]
__version__ = "0.1.0"

_HOMES = {
    "load_spec": "dmsflow.compiler.load",
    "compile_plan": "dmsflow.compiler.compile",
    "open_access": "dmsflow.engines.access",
    "apply_plan": "dmsflow.runtime.apply",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'dmsflow' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
