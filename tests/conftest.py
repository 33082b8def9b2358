"""Options of the test suite."""

import gc
import signal
from collections.abc import Iterator
from functools import cache

import pytest
import typer.testing

from dmsflow.cli.app import GARBAGE_THRESHOLD
from dmsflow.compiler import assemble
from tests import postgres
from tests.built_once import build_once

gc.set_threshold(GARBAGE_THRESHOLD)
"""As in the program itself."""

signal.signal(signal.SIGINT, signal.default_int_handler)
"""A shell ignores the signal for what it runs in the background, and so would every process of a test."""

typer.testing._get_command = cache(typer.testing._get_command)
"""The command line is put together once, and not for every command that a test runs."""

assemble.build_statements = build_once


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--histories", type=int, default=5, help="random histories per pair of engines in the model-based test"
    )


@pytest.fixture(autouse=True)
def _databases() -> Iterator[None]:
    """Whatever a test borrowed of the server is given back."""
    yield
    postgres.give_back()
