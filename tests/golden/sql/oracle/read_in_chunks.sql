-- read first
SELECT "src"."id" AS "_dms_c0", NVL(RTRIM("src"."code"), SUBSTR("src"."code", 1, 1)) AS "_dms_c1", "src"."name" AS "_dms_c2", "src"."note" AS "_dms_c3", "src"."photo" AS "_dms_c4", "src"."price" AS "_dms_c5", "src"."weight" AS "_dms_c6", "src"."active" AS "_dms_c7", "src"."born" AS "_dms_c8", "src"."seen" AS "_dms_c9" 
FROM "SRC"."s" "src" 
WHERE "src"."id" IS NOT NULL AND "src"."id" < :hi_0 OR "src"."id" IS NULL

-- read middle
SELECT "src"."id" AS "_dms_c0", NVL(RTRIM("src"."code"), SUBSTR("src"."code", 1, 1)) AS "_dms_c1", "src"."name" AS "_dms_c2", "src"."note" AS "_dms_c3", "src"."photo" AS "_dms_c4", "src"."price" AS "_dms_c5", "src"."weight" AS "_dms_c6", "src"."active" AS "_dms_c7", "src"."born" AS "_dms_c8", "src"."seen" AS "_dms_c9" 
FROM "SRC"."s" "src" 
WHERE "src"."id" IS NOT NULL AND "src"."id" >= :lo_0 AND "src"."id" < :hi_0

-- read last
SELECT "src"."id" AS "_dms_c0", NVL(RTRIM("src"."code"), SUBSTR("src"."code", 1, 1)) AS "_dms_c1", "src"."name" AS "_dms_c2", "src"."note" AS "_dms_c3", "src"."photo" AS "_dms_c4", "src"."price" AS "_dms_c5", "src"."weight" AS "_dms_c6", "src"."active" AS "_dms_c7", "src"."born" AS "_dms_c8", "src"."seen" AS "_dms_c9" 
FROM "SRC"."s" "src" 
WHERE "src"."id" IS NOT NULL AND "src"."id" >= :lo_0

-- count_source
SELECT count(*) AS "count_1" 
FROM (SELECT 1 AS "one" 
FROM "SRC"."s" "src" 
WHERE 1 = 1) "counted"

-- find_boundaries
SELECT "ranked"."k0" 
FROM (SELECT "src"."id" AS "k0", row_number() OVER (ORDER BY "src"."id") AS "place", count(*) OVER () AS "total" 
FROM "SRC"."s" SAMPLE (5) "src" 
WHERE 1 = 1 AND "src"."id" IS NOT NULL) "ranked" 
WHERE mod((("ranked"."place" - 1) * :parts), "ranked"."total") < :parts AND "ranked"."place" > 1 ORDER BY "ranked"."place"
