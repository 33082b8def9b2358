"""A table of Oracle that has to follow its spec in every way, as a survey would have found it."""

from dmsflow.engines.oracle_sql import OracleIdioms
from dmsflow.model.evolution import EvolutionFacts, OpenEnd, Retyped, Terms
from dmsflow.model.table import DataType, TableName, TypeName

BEFORE = DataType(name=TypeName.VARCHAR, length=60, native="VARCHAR2(60 CHAR)")
NAME = DataType(name=TypeName.VARCHAR, length=90)
FOLLOWS = EvolutionFacts(
    terms=Terms(
        scd="2",
        key=("code",),
        columns=(("code", "2"), ("name", "2"), ("cost", "2"), ("region", "2")),
        open_end="2999-12-31T00:00:00",
    ),
    retyped=(
        Retyped(
            column="name",
            existing=BEFORE,
            wanted=NAME,
            alteration=OracleIdioms().change_type(TableName(schema="DWH", table="t"), "name", BEFORE, NAME),
        ),
    ),
    open_ends=(OpenEnd(end="2999-12-31 00:00:00", rows=7),),
    repeated=0,
    keyless=0,
)
"""What a survey would have found of a table that has to follow its spec in every way."""
