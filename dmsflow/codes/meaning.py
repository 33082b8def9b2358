"""DMS2xx: the spec contradicts itself, or asks for what this version does not run."""

from dmsflow.codes.meaning_feeds import MEANING_OF_FEEDS
from dmsflow.codes.meaning_rows import MEANING_OF_ROWS
from dmsflow.codes.meaning_runs import MEANING_OF_RUNS
from dmsflow.codes.meaning_trust import MEANING_OF_TRUST

_ALL = (*MEANING_OF_ROWS, *MEANING_OF_FEEDS, *MEANING_OF_RUNS, *MEANING_OF_TRUST)
MEANING = tuple(sorted(_ALL, key=lambda entry: entry.code))
