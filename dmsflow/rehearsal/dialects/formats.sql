-- What a format model reads: parts of a date and of a time within their bounds.

CREATE OR REPLACE MACRO read_within(n, top) AS CASE WHEN n <= top THEN n WHEN n IS NOT NULL THEN error('ORA-01850: a part of the time is out of range') ELSE 0 END;
CREATE OR REPLACE MACRO read_clock(h, m, s, f) AS to_hours(read_within(h, 23)) + to_minutes(read_within(m, 59)) + to_seconds(read_within(s, 59)) + to_microseconds(coalesce(f, 0));
CREATE OR REPLACE MACRO read_hour(h, half) AS CASE WHEN h IS NULL THEN 0 WHEN h NOT BETWEEN 1 AND 12 THEN error('ORA-01849: hour must be between 1 and 12')
    ELSE h % 12 + CASE WHEN lower(left(half, 1)) = 'p' THEN 12 ELSE 0 END END;
CREATE OR REPLACE MACRO read_day_of_year(y, n) AS CASE WHEN n BETWEEN 1 AND CASE WHEN day(last_day(make_date(y, 2, 1))) = 29 THEN 366 ELSE 365 END
    THEN make_date(y, 1, 1) + CAST(n - 1 AS INTEGER) ELSE error('ORA-01848: day of year must be between 1 and 365 (366 for leap year)') END;

-- The century of a year of two digits: that of now, or the one that is nearer.
CREATE OR REPLACE MACRO read_pivot_year(y, two) AS y // 100 * 100 + two
    + CASE WHEN y % 100 < 50 AND two >= 50 THEN -100 WHEN y % 100 >= 50 AND two < 50 THEN 100 ELSE 0 END;
