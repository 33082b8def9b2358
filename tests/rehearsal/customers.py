"""A spec of customers whose databases are nowhere, rows for it, and what a dry run of it shows."""

from tests.laws.lab import Lab, Outcome

NOWHERE = {
    "crm": {"url": "postgresql://crm.example.com/crm", "password": "${env:DMSFLOW_NO_SUCH_PASSWORD}"},
    "dwh": {"url": "${env:DMSFLOW_NO_SUCH_URL}"},
}
SPEC = {
    "params": {"since": {"type": "date", "default": "2020-01-01"}},
    "source": {
        "connection": "crm",
        "table": "crm.customers",
        "where": "active = 'Y' and created >= ${param:since} and created < now()",
    },
    "target": {"table": "dw.dim_customer"},
    "key": ["customer_id"],
    "columns": {
        "customer_id": {"from": "cust_id", "type": "bigint"},
        "name": {"expr": "upper(trim(name)) || ' ' || to_char(created, 'YYYY')", "type": "varchar(40)"},
        "half": {"expr": "amount / 2", "type": "bigint"},
        "segment": {"from": "segment_code", "type": "integer"},
        "email": {"scd": 1},
    },
    "scd": {"type": 2, "deletes": "close"},
    "errors": {"max_rows": 5},
    "checks": [{"name": "positive", "expr": "half >= 0"}],
    "connections": NOWHERE,
}
SOURCE = """rows:
  - {cust_id: 1, name: " ann", amount: 5, segment_code: 7, email: a@x, active: Y, created: 2024-01-01 10:00:00}
  - {cust_id: 2, name: bob, amount: 7, segment_code: 8, email: b@y, active: Y, created: 2024-01-01}
  - {cust_id: 3, name: cid, amount: -7, segment_code: 1, active: Y, created: 2024-01-01}
  - {cust_id: 4, name: dot, amount: 8, segment_code: x, active: Y, created: 2024-01-01}
  - {cust_id: 5, name: eve, amount: 8, active: N, created: 2024-01-01}
  - {cust_id: 6, name: old, amount: 8, active: Y, created: 2019-12-31}
  - {cust_id: 7, name: new, amount: 9, active: Y, created: 2024-01-01}
"""
TARGET = """rows:
  - {customer_id: 1, name: ANN 2024, half: 2, segment: 7, email: old@x}
  - {customer_id: 2, name: ROB 2024, half: 3, segment: 8, email: b@y}
  - {customer_id: 9, name: GONE 2024, half: 3, segment: 8}
"""


def rehearse(lab: Lab, *words: str, **changes) -> Outcome:
    spec = lab.spec(name="dim_customer", **(SPEC | changes))
    return lab.run("dry-run", spec, "--data", lab.folder / "data", "--format", "json", *words)


def changed(shown: dict, kind: str) -> list[dict]:
    """The columns in which each sample of an effect differs, without the validity."""
    samples = next((effect["samples"] for effect in shown["effects"] if effect["kind"] == kind), [])
    told = []
    for sample in samples:
        old, new = sample["old"] or {}, sample["new"] or {}
        names = [name for name in shown["columns"] if not name.startswith("valid_")]
        told.append({name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)})
    return told
