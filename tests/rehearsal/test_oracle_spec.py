"""A spec over Oracle, rehearsed: where, expr and query say there what they say in Oracle; a check is DuckDB's."""

from pathlib import Path

from tests.laws.lab import Lab

CONNECTIONS = 'connections: {erp: "oracle+oracledb://u:p@nowhere/x", dwh: "duckdb:///dwh.duckdb"}'
TABLE = f"""
version: 1
pipeline: orders
source: {{connection: erp, table: sales.orders, where: "NVL(note, 'none') <> 'skip' AND ordered > SYSDATE - 30"}}
target: {{connection: dwh, table: orders}}
key: [order_id]
scd: 1
columns:
  order_id: {{type: integer}}
  amount: {{type: "decimal(10,2)"}}
  ordered: {{type: date}}
  share: {{expr: "ROUND(amount / 3, 2)", type: "decimal(10,2)"}}
  month: {{expr: "TO_CHAR(TRUNC(ordered, 'Q'), 'YYYY-MM') || note", type: text}}
  loaded: {{expr: "TO_CHAR(SYSDATE, 'YYYY-MM-DD HH24:MI')", type: text}}
errors: {{max_rows: 10}}
checks:
  - {{name: positive, expr: amount > 0 AND amount // 1 < 1000}}
{CONNECTIONS}
"""
QUERY = f"""
version: 1
pipeline: totals
source:
  connection: erp
  query: >-
    SELECT c.id, NVL(SUM(o.amount), 0) total, MAX(o.note) KEEP (DENSE_RANK LAST ORDER BY o.amount) note
    FROM customers c, orders o WHERE c.id = o.customer_id(+) GROUP BY c.id
target: {{connection: dwh, table: totals}}
key: [id]
scd: 1
{CONNECTIONS}
"""
TABLE_TEST = """
version: 1
spec: orders.yaml
tests:
  - name: month by month
    steps:
      - run_at: "2024-03-15 10:30:00"
        given:
          source:
            - {order_id: 1, amount: 100, ordered: 2024-03-01, note: ""}
            - {order_id: 2, amount: 50, ordered: 2024-03-02, note: skip}
            - {order_id: 3, amount: 50, ordered: 2023-12-01, note: old}
            - {order_id: 4, amount: 5000, ordered: 2024-03-03, note: x}
        expect:
          target:
            - {order_id: 1, share: 33.33, month: 2024-01, loaded: "2024-03-15 10:30"}
          rejects:
            - {key: {order_id: 4}, reason: check}
"""
QUERY_TEST = """
version: 1
spec: totals.yaml
tests:
  - name: with and without orders
    steps:
      - run_at: "2024-03-15"
        given:
          source:
            customers: [{id: 1}, {id: 2}]
            orders:
              - {customer_id: 1, amount: 10.10, note: small}
              - {customer_id: 1, amount: 20.20, note: great}
        expect:
          target:
            - {id: 1, total: 30.3, note: great}
            - {id: 2, total: 0, note: null}
"""


def write(folder: Path, **files: str) -> Lab:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return Lab(folder)


def test_where_and_expr_are_oracles_and_a_check_is_duckdbs(tmp_path: Path):
    lab = write(tmp_path, orders=TABLE, orders_test=TABLE_TEST)
    ran = lab.run("test", tmp_path / "orders_test.yaml")
    assert ran.code == 0, ran.out + ran.err


def test_a_query_joins_by_its_marks_and_keeps_the_last(tmp_path: Path):
    lab = write(tmp_path, totals=QUERY, totals_test=QUERY_TEST)
    ran = lab.run("test", tmp_path / "totals_test.yaml")
    assert ran.code == 0, ran.out + ran.err


def test_what_is_not_covered_is_told_at_its_line_and_column(tmp_path: Path):
    lab = write(tmp_path, orders=TABLE.replace("TRUNC(ordered", "TRUNK(ordered"), orders_test=TABLE_TEST)
    ran = lab.run("test", tmp_path / "orders_test.yaml")
    assert ran.code != 0
    assert 'orders.yaml:13:26: DMS330 there is no translation of TRUNK to DuckDB: did you mean "TRUNC"?' in ran.out
