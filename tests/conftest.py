"""Options of the test suite."""

from collections.abc import Iterator

import pytest

from tests import postgres


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--histories", type=int, default=10, help="random histories per pair of engines in the model-based test"
    )


@pytest.fixture(autouse=True)
def _databases() -> Iterator[None]:
    """Whatever a test borrowed of the server is given back."""
    yield
    postgres.give_back()
