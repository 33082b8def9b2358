-- Exact arithmetic of decimals, which DuckDB divides in binary.

CREATE OR REPLACE MACRO exact_quotient(v) AS
    CAST(v.q AS DECIMAL(38, 0)) + CAST(v.f + CASE WHEN abs(v.r) * 2 >= abs(v.b) THEN v.s ELSE 0 END AS DECIMAL(38, 0)) * 0.000000000000000001;
CREATE OR REPLACE MACRO exact_third(v) AS
    exact_quotient({'q': v.q, 'f': v.f * 1000000000 + (v.r * 1000000000) // v.b, 'r': (v.r * 1000000000) % v.b, 'b': v.b, 's': v.s});
CREATE OR REPLACE MACRO exact_second(v) AS list_transform([{'q': v.a // v.b, 'f': ((v.a % v.b) * 1000000000) // v.b,
    'r': ((v.a % v.b) * 1000000000) % v.b, 'b': v.b, 's': sign(v.a) * sign(v.b)}], lambda w: exact_third(w))[1];
-- The digits of a DECIMAL without its point.
CREATE OR REPLACE MACRO exact_digits(x) AS CAST(replace(CAST(x AS VARCHAR), '.', '') AS HUGEINT);
-- Both arrive with the same scale.
CREATE OR REPLACE MACRO exact_div(a, b) AS CASE WHEN a IS NULL OR b IS NULL THEN NULL
    WHEN b = 0 THEN error('ORA-01476: divisor is equal to zero, or division by zero')
    ELSE list_transform([{'a': exact_digits(a), 'b': exact_digits(b)}], lambda v: exact_second(v))[1] END;
CREATE OR REPLACE MACRO exact_mod(a, b, unit) AS CASE WHEN b = 0 THEN CAST(a AS DECIMAL(38, 18))
    ELSE CAST(exact_digits(a) % exact_digits(b) AS DECIMAL(38, 0)) * unit END;
-- Two numbers whose digits behind the point are more than fit: whole and broken parts by themselves.
CREATE OR REPLACE MACRO exact_broken(x) AS CAST(x - trunc(x) AS DECIMAL(18, 18));
CREATE OR REPLACE MACRO exact_mul(a, b) AS CAST(trunc(a) AS DECIMAL(38, 0)) * CAST(b AS DECIMAL(38, 18))
    + CAST(trunc(b) AS DECIMAL(38, 0)) * exact_broken(a) + CAST(round(exact_broken(a) * exact_broken(b), 18) AS DECIMAL(38, 18));
-- A binary result as a decimal, where its fifteen digits are all there are.
CREATE OR REPLACE MACRO exact_decimal(x) AS CASE WHEN abs(x) >= 1e15 AND abs(x) <= 9007199254740992 THEN CAST(CAST(x AS HUGEINT) AS DECIMAL(38, 18))
    WHEN abs(x) >= 1e15 OR isnan(x) THEN error('a result of more than fifteen digits is not computed exactly')
    ELSE CAST(format('{:.15g}', CAST(x AS DOUBLE)) AS DECIMAL(38, 18)) END;
