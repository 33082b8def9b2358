"""Law 28: what a column of PostgreSQL is beside its type is not lost when it gets another one."""

from pathlib import Path

from tests.laws.test_evolution import COLUMNS, ROWS, SOURCE, refusals, spec
from tests.laws.world import World

WIDEN = {"retype": "widen"}


def loaded(folder: Path) -> World:
    world = World(folder, "duckdb", "postgresql")
    world.write_source(ROWS, SOURCE)
    world.apply(spec(COLUMNS | {"v": {"type": "varchar(40)"}}))
    return world


def test_a_domain_keeps_its_checks(tmp_path: Path) -> None:
    world = loaded(tmp_path)
    with world.open("target") as connection:
        connection.execute("CREATE DOMAIN counted AS integer CHECK (VALUE <> 13)")
        connection.execute("ALTER TABLE t ALTER n TYPE counted")
        connection.commit()
    [(code, message)] = refusals(world, spec(COLUMNS | {"n": {"type": "bigint"}}, evolve=WIDEN))
    assert (code, "it is of the domain counted, whose checks would be lost" in message) == ("DMS372", True), message


def test_a_text_is_compared_as_before(tmp_path: Path) -> None:
    world = loaded(tmp_path)
    with world.open("target") as connection:
        connection.execute("CREATE COLLATION odd (locale = 'C.UTF8')")
        connection.execute("ALTER TABLE t ALTER v TYPE varchar(40) COLLATE odd")
        connection.commit()
    assert world.apply(spec(COLUMNS | {"v": {"type": "varchar(50)"}}, evolve=WIDEN)).errors == ()
    asked = "SELECT format_type(atttypid, atttypmod), attcollation::regcollation::text FROM pg_attribute"
    assert world.read(f"{asked} WHERE attrelid = 't'::regclass AND attname = 'v'") == [("character varying(50)", "odd")]
