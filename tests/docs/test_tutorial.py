"""The tutorial, run as it is written: every ``sh`` block in one folder, its output compared with the block below."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import DOCS, read_blocks

VARYING = (
    (re.compile(r"\d{8}T\d{6}-[0-9a-f]{6}"), "RUN"),
    (re.compile(r"(?!9999)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?"), "INSTANT"),
    (re.compile(r"\b\d\d:\d\d:\d\d\b(?! │)"), "TIME"),
    (re.compile(r"\d+\.\ds"), "SPAN"),
    (re.compile(r"[\d,]+ rows/s"), "SPEED"),
    (re.compile(r" +$", re.MULTILINE), ""),
)


def mask(text: str, folder: Path) -> str:
    """The text without what differs between two runs."""
    text = text.replace(str(folder.resolve()), "SHOP")
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return text.strip()


def run(script: str, folder: Path) -> str:
    """What a shell prints, errors among it."""
    binaries = Path(sys.executable).parent
    environment = {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), "NO_COLOR": "1"}
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}"
    return done.stdout


def test_the_tutorial_does_what_it_says(tmp_path: Path):
    printed: str | None = None
    for block in read_blocks(DOCS / "tutorial.md"):
        if block.kind == "sh":
            printed = run(block.text, tmp_path)
        elif block.kind == "text":
            assert printed is not None
            assert mask(printed, tmp_path) == mask(block.text, tmp_path), str(block)
            printed = None
