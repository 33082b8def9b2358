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
-- What a format model reads
CREATE OR REPLACE MACRO ora_within(n, top) AS CASE WHEN n <= top THEN n WHEN n IS NOT NULL THEN error('date/time field value out of range') ELSE 0 END;
CREATE OR REPLACE MACRO ora_clock(h, m, s, f) AS to_hours(ora_within(h, 23)) + to_minutes(ora_within(m, 59)) + to_seconds(ora_within(s, 59)) + to_microseconds(coalesce(f, 0));
CREATE OR REPLACE MACRO ora_hour(h, half) AS CASE WHEN h IS NULL THEN 0 WHEN h NOT BETWEEN 1 AND 12 THEN error('hour must be between 1 and 12')
    ELSE h % 12 + CASE WHEN lower(left(half, 1)) = 'p' THEN 12 ELSE 0 END END;
CREATE OR REPLACE MACRO ora_day_of_year(y, n) AS CASE WHEN n BETWEEN 1 AND CASE WHEN day(last_day(make_date(y, 2, 1))) = 29 THEN 366 ELSE 365 END
    THEN make_date(y, 1, 1) + CAST(n - 1 AS INTEGER) ELSE error('day of year is out of range') END;
CREATE OR REPLACE MACRO pg_chr(n) AS chr(CAST(n AS INTEGER));
CREATE OR REPLACE MACRO pg_split(t, d) AS CASE WHEN t = '' THEN [] ELSE string_split(t, d) END;
