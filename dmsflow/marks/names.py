"""The names of the tables that dmsflow keeps in a target. Nothing else: a run needs no more to find them."""

CHUNK, CHECKPOINT, REJECT, LEASE = "dmsflow_chunk", "dmsflow_checkpoint", "dmsflow_reject", "dmsflow_lease"
CHECKPOINT_HISTORY = "dmsflow_checkpoint_history"
COLUMN = "dmsflow_column"
"""Columns that were added to a target and are not yet filled by a full read; only with evolve: add."""
COUNTS = ("read", "inserted", "versioned", "updated", "unchanged", "collapsed", "rejected", "closed")
FINGERPRINT = "fingerprint"
"""The column of a mark that tells rows which are counted from others."""
SEEN_PREFIX = "dmsflow_seen_"
"""Before the name of a target: what was observed of its keys, where late rows are put where they belong."""
GONE_PREFIX = "dmsflow_gone_"
"""Before the name of a target: the keys that the chunks of a run miss."""
