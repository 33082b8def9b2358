-- What Oracle's functions return, as macros of DuckDB. '' is NULL in every result. Numbers arrive as DECIMAL.

-- Text
CREATE OR REPLACE MACRO ora_concat(a, b) AS nullif(concat(a, b), '');
CREATE OR REPLACE MACRO ora_substr
    (t, p) AS CASE WHEN trunc(p) < 0 AND length(t) + trunc(p) < 0 THEN NULL
        ELSE nullif(substring(t, CAST(CASE WHEN trunc(p) = 0 THEN 1 WHEN p < 0 THEN length(t) + trunc(p) + 1 ELSE trunc(p) END AS BIGINT)), '') END,
    (t, p, n) AS CASE WHEN trunc(n) < 1 OR n IS NULL OR (trunc(p) < 0 AND length(t) + trunc(p) < 0) THEN NULL
        ELSE nullif(substring(t, CAST(CASE WHEN trunc(p) = 0 THEN 1 WHEN p < 0 THEN length(t) + trunc(p) + 1 ELSE trunc(p) END AS BIGINT), CAST(trunc(n) AS BIGINT)), '') END;
CREATE OR REPLACE MACRO ora_starts(t, s) AS
    list_filter(range(1, length(t) + 1), lambda i: substring(t, i, length(s)) = s);
CREATE OR REPLACE MACRO ora_instr(t, s, p, n) AS CASE WHEN t IS NULL OR s IS NULL OR p IS NULL OR n IS NULL THEN NULL
        WHEN n < 1 THEN error('ORA-01428: argument of INSTR is out of range')
        WHEN trunc(p) = 0 THEN 0
        WHEN p > 0 THEN coalesce(list_filter(ora_starts(t, s), lambda i: i >= trunc(p))[CAST(trunc(n) AS BIGINT)], 0)
        ELSE coalesce(list_reverse(list_filter(ora_starts(t, s), lambda i: i <= length(t) + trunc(p) + 1))[CAST(trunc(n) AS BIGINT)], 0) END;
CREATE OR REPLACE MACRO ora_lpad(t, n, p) AS CASE WHEN trunc(n) < 1 OR n IS NULL THEN NULL ELSE nullif(lpad(t, CAST(trunc(n) AS INTEGER), p), '') END;
CREATE OR REPLACE MACRO ora_rpad(t, n, p) AS CASE WHEN trunc(n) < 1 OR n IS NULL THEN NULL ELSE nullif(rpad(t, CAST(trunc(n) AS INTEGER), p), '') END;
CREATE OR REPLACE MACRO ora_ltrim(t, s) AS nullif(ltrim(t, s), '');
CREATE OR REPLACE MACRO ora_rtrim(t, s) AS nullif(rtrim(t, s), '');
CREATE OR REPLACE MACRO ora_trim(t, s) AS CASE WHEN length(s) <> 1 THEN error('ORA-30001: trim set should have only one character')
    ELSE nullif(trim(t, s), '') END;
CREATE OR REPLACE MACRO ora_replace(t, s, r) AS CASE WHEN s IS NULL THEN t ELSE nullif(replace(t, s, coalesce(r, '')), '') END;
CREATE OR REPLACE MACRO ora_translate(t, f, r) AS nullif(translate(t, f, r), '');
CREATE OR REPLACE MACRO ora_initcap(t) AS array_to_string(list_transform(range(1, length(t) + 1), lambda i:
    CASE WHEN i > 1 AND regexp_matches(substring(t, i - 1, 1), '[\p{L}\p{N}]') THEN lower(substring(t, i, 1))
    ELSE upper(substring(t, i, 1)) END), '');
CREATE OR REPLACE MACRO ora_chr(n) AS CASE WHEN trunc(n) BETWEEN 1 AND 127 THEN chr(CAST(trunc(n) AS INTEGER))
    WHEN n IS NOT NULL THEN error('CHR beyond 127 depends on the character set of the database') END;
CREATE OR REPLACE MACRO ora_ascii(t) AS CASE WHEN unicode(t) > 127
    THEN error('ASCII beyond 127 depends on the character set of the database') ELSE unicode(t) END;
CREATE OR REPLACE MACRO ora_number_text(x) AS CASE WHEN x = 0 THEN '0' ELSE regexp_replace(regexp_replace(regexp_replace(CAST(x AS VARCHAR),
    '(\.\d*?)0+$', '\1'), '\.$', ''), '^(-?)0\.', '\1.') END;
CREATE OR REPLACE MACRO ora_number(t) AS CASE
    WHEN regexp_full_match(trim(t), '[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?') THEN CAST(trim(t) AS DECIMAL(38, 18))
    WHEN t IS NOT NULL THEN error('ORA-01722: invalid number: ' || t) END;
CREATE OR REPLACE MACRO ora_number_read(t, shape, digits) AS CASE
    WHEN regexp_full_match(trim(t), shape) AND length(regexp_replace(split_part(t, '.', 1), '[^0-9]', '', 'g')) <= digits
    THEN CAST(regexp_replace(t, '[^0-9.]', '', 'g') AS DECIMAL(38, 18)) * CASE WHEN contains(t, '-') OR contains(t, '<') THEN -1 ELSE 1 END
    WHEN t IS NOT NULL THEN error('ORA-01722: invalid number: ' || t) END;

-- Numbers
CREATE OR REPLACE MACRO ora_power_of_ten(n) AS CAST(rpad('1', CAST(n AS INTEGER) + 1, '0') AS DECIMAL(38, 0));
CREATE OR REPLACE MACRO ora_cut(x, n) AS CAST(trunc(x) AS HUGEINT) // CAST(ora_power_of_ten(n) AS HUGEINT) * CAST(ora_power_of_ten(n) AS HUGEINT);
CREATE OR REPLACE MACRO ora_half(x, n) AS CAST(trunc(x) AS HUGEINT) + CAST(sign(x) * (ora_power_of_ten(n) // 2) AS HUGEINT);
CREATE OR REPLACE MACRO ora_round_whole(x, n) AS CAST(ora_cut(ora_half(x, n), n) AS DECIMAL(38, 0));
CREATE OR REPLACE MACRO ora_trunc_whole(x, n) AS CAST(ora_cut(x, n) AS DECIMAL(38, 0));
CREATE OR REPLACE MACRO ora_power(a, b) AS CASE WHEN a < 0 AND b <> trunc(b) THEN error('ORA-01428: argument of POWER is out of range')
    WHEN a = 0 AND b < 0 THEN error('ORA-01428: argument of POWER is out of range') ELSE exact_decimal(power(CAST(a AS DOUBLE), CAST(b AS DOUBLE))) END;
CREATE OR REPLACE MACRO ora_sqrt(x) AS CASE WHEN x < 0 THEN error('ORA-01428: argument of SQRT is out of range') ELSE exact_decimal(sqrt(CAST(x AS DOUBLE))) END;
CREATE OR REPLACE MACRO ora_exp(x) AS exact_decimal(exp(CAST(x AS DOUBLE)));
CREATE OR REPLACE MACRO ora_ln(x) AS CASE WHEN x <= 0 THEN error('ORA-01428: argument of LN is out of range') ELSE exact_decimal(ln(CAST(x AS DOUBLE))) END;
CREATE OR REPLACE MACRO ora_log(b, x) AS CASE WHEN x <= 0 OR b <= 0 OR b = 1 THEN error('ORA-01428: argument of LOG is out of range')
    ELSE exact_decimal(CAST(format('{:.14g}', ln(CAST(x AS DOUBLE)) / ln(CAST(b AS DOUBLE))) AS DOUBLE)) END;
CREATE OR REPLACE MACRO ora_bitand(a, b) AS CAST(CAST(trunc(a) AS HUGEINT) & CAST(trunc(b) AS HUGEINT) AS DECIMAL(38, 0));
CREATE OR REPLACE MACRO ora_width_bucket(x, low, high, n) AS CASE WHEN x IS NULL OR low IS NULL OR high IS NULL OR n IS NULL THEN NULL
    WHEN low >= high OR n < 1 THEN error('ORA-30494: WIDTH_BUCKET wants an ascending range')
    WHEN x < low THEN 0 WHEN x >= high THEN trunc(n) + 1
    ELSE CAST(floor(exact_div(CAST((x - low) * n AS DECIMAL(38, 9)), CAST(high - low AS DECIMAL(38, 9)))) AS DECIMAL(38, 0)) + 1 END;

-- Dates. A DATE arrives as a TIMESTAMP of whole seconds.
CREATE OR REPLACE MACRO ora_seconds(d) AS CAST(epoch_us(d) // 1000000 AS DECIMAL(38, 0));
CREATE OR REPLACE MACRO ora_second_of(d) AS date_trunc('second', d);
CREATE OR REPLACE MACRO ora_add_days(d, n) AS date_trunc('second', d) + to_seconds(CAST(round(CAST(n AS DECIMAL(38, 18)) * 86400) AS BIGINT));
CREATE OR REPLACE MACRO ora_days_between(a, b) AS exact_div(ora_seconds(a) - ora_seconds(b), CAST(86400 AS DECIMAL(38, 0)));
CREATE OR REPLACE MACRO ora_is_last(d) AS CAST(d AS DATE) = last_day(CAST(d AS DATE));
CREATE OR REPLACE MACRO ora_time_of(d) AS d - date_trunc('day', d);
CREATE OR REPLACE MACRO ora_last_day(d) AS CAST(last_day(CAST(d AS DATE)) AS TIMESTAMP) + ora_time_of(d);
CREATE OR REPLACE MACRO ora_add_months(d, n) AS CASE WHEN ora_is_last(d) THEN ora_last_day(date_trunc('month', d) + to_months(CAST(trunc(n) AS INTEGER))) + ora_time_of(d)
    ELSE d + to_months(CAST(trunc(n) AS INTEGER)) END;
CREATE OR REPLACE MACRO ora_months_apart(a, b) AS (year(a) - year(b)) * 12 + month(a) - month(b);
CREATE OR REPLACE MACRO ora_months_between(a, b) AS CASE WHEN day(a) = day(b) OR (ora_is_last(a) AND ora_is_last(b)) THEN CAST(ora_months_apart(a, b) AS DECIMAL(38, 18))
    ELSE ora_months_apart(a, b) + exact_div(CAST((day(a) - day(b)) * 86400 + (ora_seconds(a) - ora_seconds(date_trunc('day', a))) - (ora_seconds(b) - ora_seconds(date_trunc('day', b))) AS DECIMAL(38, 0)), CAST(2678400 AS DECIMAL(38, 0))) END;
CREATE OR REPLACE MACRO ora_next_day(d, n) AS d + to_days(CAST((n - isodow(d) + 6) % 7 + 1 AS INTEGER));
CREATE OR REPLACE MACRO ora_trunc_week(d) AS date_trunc('day', d) - to_days(CAST(dayofweek(d) AS INTEGER));
CREATE OR REPLACE MACRO ora_trunc_year_week(d) AS date_trunc('day', d) - to_days(CAST((dayofyear(d) - 1) % 7 AS INTEGER));
CREATE OR REPLACE MACRO ora_trunc_month_week(d) AS date_trunc('day', d) - to_days(CAST((day(d) - 1) % 7 AS INTEGER));
CREATE OR REPLACE MACRO ora_trunc_iso_year(d) AS CAST(date_trunc('week', make_date(isoyear(d), 1, 4)) AS TIMESTAMP);
CREATE OR REPLACE MACRO ora_trunc_century(d) AS CAST(make_date((year(d) - 1) // 100 * 100 + 1, 1, 1) AS TIMESTAMP);
CREATE OR REPLACE MACRO ora_round_month(d) AS date_trunc('month', d) + CASE WHEN day(d) >= 16 THEN INTERVAL 1 MONTH ELSE INTERVAL 0 MONTH END;
CREATE OR REPLACE MACRO ora_round_quarter(d) AS CASE WHEN ora_months_apart(d, date_trunc('quarter', d)) = 2 OR (ora_months_apart(d, date_trunc('quarter', d)) = 1 AND day(d) >= 16)
    THEN date_trunc('quarter', d) + INTERVAL 3 MONTH ELSE date_trunc('quarter', d) END;
CREATE OR REPLACE MACRO ora_round_year(d) AS date_trunc('year', d) + CASE WHEN month(d) >= 7 THEN INTERVAL 1 YEAR ELSE INTERVAL 0 YEAR END;
CREATE OR REPLACE MACRO ora_plus_months(d, n) AS CASE WHEN day(d + to_months(CAST(n AS INTEGER))) <> day(d) THEN error('ORA-01839: date not valid for month specified')
    ELSE d + to_months(CAST(n AS INTEGER)) END;
CREATE OR REPLACE MACRO ora_interval_us(i) AS epoch_us(TIMESTAMP '2000-01-01 00:00:00' + i) - 946684800000000;
CREATE OR REPLACE MACRO ora_interval_part(i, size, round) AS CAST(sign(ora_interval_us(i)) * (abs(ora_interval_us(i)) // size % round) AS DECIMAL(38, 0));
CREATE OR REPLACE MACRO ora_interval_second(i) AS CAST(sign(ora_interval_us(i)) * (abs(ora_interval_us(i)) % 60000000) AS DECIMAL(38, 0)) * 0.000001;
CREATE OR REPLACE MACRO ora_interval(n, size) AS to_microseconds(CAST(round(CAST(n AS DECIMAL(38, 9)) * size) AS BIGINT));
CREATE OR REPLACE MACRO ora_second_part(d) AS CAST(epoch_us(d) - epoch_us(date_trunc('minute', d)) AS DECIMAL(38, 0)) * 0.000001;
CREATE OR REPLACE MACRO ora_week(d) AS (dayofyear(d) - 1) // 7 + 1;
CREATE OR REPLACE MACRO ora_hour12(d) AS CASE WHEN hour(d) % 12 = 0 THEN 12 ELSE hour(d) % 12 END;
CREATE OR REPLACE MACRO ora_pad(n, width) AS lpad(CAST(n AS VARCHAR), width, '0');

-- Aggregates
CREATE OR REPLACE MACRO ora_kept(l) AS list_transform(list_filter(l, lambda e: e.k IS NOT DISTINCT FROM l[1].k), lambda e: e.v);

-- Regular expressions
CREATE OR REPLACE MACRO ora_from(t, p) AS substring(t, CAST(p AS BIGINT));
CREATE OR REPLACE MACRO ora_marks(t) AS list_filter(range(1, length(t) + 1), lambda i: substring(t, i, 1) = chr(57344));
CREATE OR REPLACE MACRO ora_mark(t, n, p) AS CASE WHEN t IS NULL THEN NULL ELSE coalesce(ora_marks(t)[n] - n + p, 0) END;

-- Sorted lists
CREATE OR REPLACE MACRO ora_percentile(l, p) AS list_transform([{'l': list_filter(l, lambda x: x IS NOT NULL), 'p': p}], lambda v: CASE WHEN len(v.l) = 0 THEN NULL
    ELSE v.l[CAST(floor(v.p * (len(v.l) - 1)) AS BIGINT) + 1] + exact_mul(v.p * (len(v.l) - 1) - floor(v.p * (len(v.l) - 1)),
        v.l[CAST(ceil(v.p * (len(v.l) - 1)) AS BIGINT) + 1] - v.l[CAST(floor(v.p * (len(v.l) - 1)) AS BIGINT) + 1]) END)[1];
CREATE OR REPLACE MACRO ora_percentile_disc(l, p) AS list_transform([{'l': list_filter(l, lambda x: x IS NOT NULL), 'p': p}], lambda v: v.l[greatest(CAST(ceil(v.p * len(v.l)) AS BIGINT), 1)])[1];
CREATE OR REPLACE MACRO ora_trim_left(t, s) AS CASE WHEN length(s) <> 1 THEN error('ORA-30001: trim set should have only one character') ELSE nullif(ltrim(t, s), '') END;
CREATE OR REPLACE MACRO ora_trim_right(t, s) AS CASE WHEN length(s) <> 1 THEN error('ORA-30001: trim set should have only one character') ELSE nullif(rtrim(t, s), '') END;
CREATE OR REPLACE MACRO ora_trunc_part(x, f, unit) AS CAST(exact_digits(x) // f AS DECIMAL(38, 0)) * unit;
CREATE OR REPLACE MACRO ora_as_is(t) AS t;
CREATE OR REPLACE MACRO ora_sin(x) AS exact_decimal(sin(CAST(x AS DOUBLE)));
CREATE OR REPLACE MACRO ora_cos(x) AS exact_decimal(cos(CAST(x AS DOUBLE)));
CREATE OR REPLACE MACRO ora_tan(x) AS exact_decimal(tan(CAST(x AS DOUBLE)));
CREATE OR REPLACE MACRO ora_asin(x) AS exact_decimal(asin(CAST(x AS DOUBLE)));
CREATE OR REPLACE MACRO ora_acos(x) AS exact_decimal(acos(CAST(x AS DOUBLE)));
CREATE OR REPLACE MACRO ora_atan(x) AS exact_decimal(atan(CAST(x AS DOUBLE)));
CREATE OR REPLACE MACRO ora_atan2(y, x) AS exact_decimal(atan2(CAST(y AS DOUBLE), CAST(x AS DOUBLE)));
