-- What PostgreSQL's functions return where DuckDB has none, or another one.
CREATE OR REPLACE MACRO pg_int_div(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE a // b END;
CREATE OR REPLACE MACRO pg_int_mod(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE a % b END;
CREATE OR REPLACE MACRO pg_initcap(t) AS CASE WHEN t = '' THEN '' ELSE array_to_string(list_transform(range(1, length(t) + 1), lambda i:
    CASE WHEN i > 1 AND regexp_matches(substring(t, i - 1, 1), '[\p{L}\p{N}]') THEN lower(substring(t, i, 1))
    ELSE upper(substring(t, i, 1)) END), '') END;
CREATE OR REPLACE MACRO pg_second(d) AS CAST(epoch_us(d) - epoch_us(date_trunc('minute', d)) AS DECIMAL(38, 0)) * 0.000001;
CREATE OR REPLACE MACRO pg_epoch(d) AS CAST(epoch_us(d) AS DECIMAL(38, 0)) * 0.000001;
CREATE OR REPLACE MACRO pg_array_length(a, d) AS CASE WHEN d <> 1 OR len(a) = 0 THEN NULL ELSE len(a) END;
CREATE OR REPLACE MACRO pg_round_whole(x, n) AS CAST(round(x, -n) AS DECIMAL(38, 0));
CREATE OR REPLACE MACRO pg_lpad(t, n, f) AS CASE WHEN n < 1 THEN '' WHEN f = '' THEN left(t, n) ELSE lpad(t, CAST(n AS INTEGER), f) END;
CREATE OR REPLACE MACRO pg_rpad(t, n, f) AS CASE WHEN n < 1 THEN '' WHEN f = '' THEN left(t, n) ELSE rpad(t, CAST(n AS INTEGER), f) END;
CREATE OR REPLACE MACRO pg_substr(t, p, n) AS CASE WHEN n < 0 THEN error('negative substring length not allowed')
    ELSE substring(t, greatest(p, 1), greatest(CASE WHEN p < 1 THEN n + p - 1 ELSE n END, 0)) END;
CREATE OR REPLACE MACRO pg_substr_from(t, p) AS substring(t, greatest(p, 1));
CREATE OR REPLACE MACRO pg_part(t, d, n) AS CASE WHEN n = 0 THEN error('field position must not be zero') ELSE split_part(t, d, CAST(n AS BIGINT)) END;
CREATE OR REPLACE MACRO pg_chr(n) AS chr(CAST(n AS INTEGER));
CREATE OR REPLACE MACRO pg_split(t, d) AS CASE WHEN t = '' THEN [] ELSE string_split(t, d) END;
