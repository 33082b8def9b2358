"""A spec to a digest that changes when its meaning does. Holds no secret and no place on a disk."""

import glob
import hashlib
import json
import os
from enum import Enum
from pathlib import Path as FilePath

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.model.plan import Sections
from dmsflow.model.spec import PipelineSpec, Source

Canonical = dict[str, "Canonical"] | list["Canonical"] | str | None


def digest_spec(spec: PipelineSpec) -> str:
    """The SHA-256 of the decoded spec with its parameter values. Left out: description, connections and folders."""
    return _digest(_canonical(_bare(spec)))


def digest_sections(spec: PipelineSpec) -> Sections:
    """The same of each top-level key by itself, so that it can be told which one has changed."""
    bare = _bare(spec)
    return tuple((name, _digest(_canonical(getattr(bare, name)))[:16]) for name in bare.__struct_fields__)


def _bare(spec: PipelineSpec) -> PipelineSpec:
    return replace(spec, description="", connections=(), file="", ledger_folder="", source=_relative_source(spec))


def _digest(canonical: Canonical) -> str:
    text = json.dumps(canonical, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _relative_source(spec: PipelineSpec) -> Source:
    file = spec.source.file
    if file is None or "://" in file:
        return spec.source
    relative = os.path.relpath(file, glob.escape(str(FilePath(spec.file).parent)))
    return replace(spec.source, file=FilePath(relative).as_posix())


def _canonical(value: object) -> Canonical:
    if isinstance(value, Struct):
        return {name: _canonical(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple):
        return [_canonical(entry) for entry in value]
    if isinstance(value, Enum):
        return str(value.value)
    return None if value is None else f"{type(value).__name__}:{value}"
