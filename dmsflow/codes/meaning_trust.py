"""DMS27x: guards, checks and deletes, by which a load is trusted."""

from dmsflow.codes.entry import Entry

MEANING_OF_TRUST: tuple[Entry, ...] = (
    Entry(
        code="DMS270",
        slug="guard-compares-parts",
        why="A run with a watermark reads what is new since the last one; how much that was says nothing of today.",
        mistake="guards: {max_shrink_percent: 20} with a checkpoint",
        cure="Write min_rows, or checkpoint: none.",
    ),
    Entry(
        code="DMS271",
        slug="guard-without-effect",
        why="A guard that can never refuse leads a reader to think that it protects something.",
        mistake="guards: {max_change_percent: 10} with scd: append",
        cure="Remove the guard, or write the type that changes rows.",
    ),
)
