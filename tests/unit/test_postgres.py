"""The databases of the tests themselves: a run that was killed leaves none behind, and none is in another's way."""

import subprocess
import sys
from urllib.parse import urlsplit

import psycopg

from tests import postgres

KILLED = """
import os, sys
from tests import postgres
postgres.server_url.cache_clear()
os.environ["DMSFLOW_TEST_POSTGRES"] = sys.argv[1]
print(postgres.borrow(), flush=True)
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_run_has_left_is_dropped_by_the_next_one_and_what_lives_is_not() -> None:
    mine = postgres.borrow()
    server = postgres.server_url()
    told = subprocess.run([sys.executable, "-c", KILLED, server], capture_output=True, text=True, check=False)
    left = urlsplit(told.stdout.strip()).path[1:]
    assert left.startswith("dmsflow_test_"), told.stderr
    postgres.drop_left(0)
    with psycopg.connect(mine) as connection:
        names = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
        assert left not in names and connection.info.dbname in names
