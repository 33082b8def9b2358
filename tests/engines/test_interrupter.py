"""What a stop at once ends, and what it leaves some time."""

import pytest

from dmsflow.engines.interrupter import GRACE_SECONDS, Work


class Session:
    """Says what it is at; counts how often it was interrupted."""

    def __init__(self) -> None:
        self.now, self.interrupted = 100.0, 0
        self.work = Work(self.interrupt, lambda: self.now)

    def interrupt(self) -> None:
        self.interrupted += 1


@pytest.fixture
def session() -> Session:
    return Session()


def test_what_was_begun_before_the_stop_ends(session: Session):
    session.work.begin()
    session.work.interrupt(asked=101.0)
    assert session.interrupted == 1


def test_nothing_is_interrupted_between_two_statements(session: Session):
    with session.work.statement():
        pass
    session.work.interrupt(asked=101.0)
    assert session.interrupted == 0


def test_a_later_statement_of_an_old_transaction_ends(session: Session):
    session.work.enter()
    session.now = 102.0
    session.work.begin()
    session.work.interrupt(asked=101.0)
    assert session.interrupted == 1


@pytest.mark.parametrize("transaction", [True, False])
def test_what_begins_after_the_stop_has_some_time(session: Session, transaction: bool):
    session.work.enter()
    session.work.leave()
    session.now = 102.0
    if transaction:
        session.work.enter()
    session.work.begin()
    session.work.interrupt(asked=101.0)
    assert session.interrupted == 0
    session.now += GRACE_SECONDS
    session.work.interrupt(asked=101.0)
    assert session.interrupted == 1
