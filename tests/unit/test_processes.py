"""Whether a process lives: one that has ended does not, whether or not somebody has asked how."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dmsflow.processes import process_lives


def test_a_process_lives_until_it_ends() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process_lives(process.pid)
    process.kill()
    process.wait()
    assert process_lives(process.pid) is False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system does not tell")
def test_a_process_that_has_ended_and_keeps_its_number_does_not_live() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    for _ in range(500):
        if process_lives(process.pid) is False:
            break
        time.sleep(0.01)
    os.kill(process.pid, 0)
    assert process_lives(process.pid) is False
    process.wait()


def test_a_number_beyond_all_processes_does_not_live() -> None:
    assert process_lives(2**40) is False
