"""Verifies in a laboratory, and reads what was found."""

import json

from tests.laws.lab import Lab, Outcome


def verify(lab: Lab, *words: str, **spec) -> Outcome:
    return lab.run("verify", lab.spec(**spec), "--format", "json", *words)


def found(outcome: Outcome) -> dict:
    assert outcome.out, outcome.err
    return json.loads(outcome.out)


def counts(outcome: Outcome) -> dict[str, int]:
    return {name: rows for name, rows in found(outcome)["rows"]["counts"].items() if rows}


def verify_after(lab: Lab, spec: dict) -> Outcome:
    ran = lab.apply(**spec)
    assert ran.code == 0, ran.told
    return verify(lab, **spec)
