"""DMS2xx: the spec contradicts itself, or asks for what this version does not run."""

from dmsflow.codes.meaning_feeds import MEANING_OF_FEEDS
from dmsflow.codes.meaning_rows import MEANING_OF_ROWS
from dmsflow.codes.meaning_runs import MEANING_OF_RUNS

MEANING = tuple(sorted((*MEANING_OF_ROWS, *MEANING_OF_FEEDS, *MEANING_OF_RUNS), key=lambda entry: entry.code))
