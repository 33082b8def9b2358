"""Where a pipeline stands and how it moved, for a person and for a program. Reads no table."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from dmsflow.cli.render.table import TableColumn, align
from dmsflow.cli.render.words import escape
from dmsflow.marks.checkpoint import Checkpoint, Move
from dmsflow.model.spec import PipelineSpec, ScdType
from dmsflow.model.watermark import Watermark

MOVES = tuple(TableColumn(heading=name) for name in ("changed at, UTC", "by", "from", "to"))


def render_checkpoint(pipeline: str, found: Checkpoint | None, moves: Sequence[Move]) -> str:
    """The watermark, who left it there, and its history."""
    if found is None:
        lines = [f'pipeline "{pipeline}" has no checkpoint: the next run reads everything']
    else:
        by = f"by run {found.run_id}" if found.run_id else "by hand"
        where = _write(found.watermark) if found.watermark else "no watermark"
        lines = [f'pipeline "{pipeline}" stands at {where}', f"since {found.run_at:%Y-%m-%d %H:%M:%S} UTC, {by}"]
    if moves:
        lines += ["", *align(MOVES, [_cells(move) for move in moves])]
    return "\n".join(lines)


def checkpoint_as_json(pipeline: str, found: Checkpoint | None, moves: Sequence[Move]) -> str:
    """The same for a program: values as text, with the type of each."""
    return json.dumps(
        {
            "pipeline": pipeline,
            "watermark": _values(found.watermark) if found else None,
            "run_id": found.run_id if found else None,
            "run_at": _utc(found.run_at) if found else None,
            "history": [
                {
                    "changed_at": _utc(move.changed_at),
                    "cause": move.cause.value,
                    "run_id": move.run_id,
                    "changed_by": move.changed_by,
                    "before": _values(move.before),
                    "after": _values(move.after),
                }
                for move in moves
            ],
        },
        indent=2,
    )


def write_move(spec: PipelineSpec, before: Watermark | None, after: Watermark | None) -> str:
    """What a move means for the rows of the next run."""
    lines = [f'pipeline "{spec.pipeline}" moves from {_write(before)} to {_write(after)}']
    forward = before is None or (after is not None and _is_beyond(after, before))
    if after is not None and forward:
        lines.append("rows up to there, which no run has read, are not read any more")
    elif before != after:
        lines.append(
            f"the next run reads again what comes after {_write(after)}" if after else "the next run reads all"
        )
        if spec.scd.type is ScdType.APPEND:
            lines.append("and appends it again: delete those rows from the target first")
    return "\n".join(lines)


def _is_beyond(mark: Watermark, other: Watermark) -> bool:
    try:
        return mark.columns == other.columns and other < mark
    except TypeError:
        return False


def _cells(move: Move) -> tuple[str, ...]:
    by = f"run {move.run_id}" if move.run_id else f"{move.cause.value} by {move.changed_by}"
    return f"{move.changed_at:%Y-%m-%d %H:%M:%S}", by, _write(move.before), _write(move.after)


def _write(watermark: Watermark | None) -> str:
    return escape(str(watermark)) if watermark else "nothing"


def _values(watermark: Watermark | None) -> dict[str, dict[str, str]] | None:
    if watermark is None:
        return None
    pairs = zip(watermark.columns, watermark.values, strict=True)
    return {name: {"type": value.family, "value": value.text} for name, value in pairs}


def _utc(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
