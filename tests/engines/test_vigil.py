"""When a server that says nothing counts as lost: a second connection is asked, and asked again."""

import pytest

from dmsflow.engines.postgresql_vigil import Lookout, Sight, Vigil
from dmsflow.errors import TransientError


class Scene:
    """A clock that is moved by hand, and a second connection that sees what it is told to see."""

    def __init__(self, *sights: bool) -> None:
        self.now = 0.0
        self._sights = list(sights)

    def vigil(self) -> Vigil:
        scene = self

        class Told(Lookout, frozen=True):
            def look(self, identity: tuple[str, int]) -> Sight:
                return Sight(works=scene._sights.pop(0))

        def never() -> None:
            raise AssertionError("nothing is opened")

        lookout = Told(name="w", silence=3, first=3, stopping=lambda: None, open=never)
        return Vigil(lookout, 1, lambda: self.now)

    def wait(self, vigil: Vigil, until: float) -> None:
        while self.now < until:
            self.now += 1
            vigil.tick()


def test_a_server_that_was_done_just_before_it_was_looked_at_is_not_lost():
    """Its answer is on its way: the second connection sees a session at rest, and the first has not read it yet."""
    scene = Scene(True, True, False)
    vigil = scene.vigil()
    scene.wait(vigil, 12)
    vigil.heard()
    assert scene._sights == []


def test_a_server_that_twice_does_not_answer_is_lost():
    scene = Scene(True, False, False)
    with pytest.raises(TransientError, match="has said nothing for"):
        scene.wait(scene.vigil(), 60)
    assert scene.now < 20
