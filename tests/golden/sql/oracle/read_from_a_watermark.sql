-- read whole
SELECT "src"."id" AS "_dms_c0", "src"."name" AS "_dms_c1", "src"."note" AS "_dms_c2", "src"."photo" AS "_dms_c3", "src"."price" AS "_dms_c4", "src"."weight" AS "_dms_c5", "src"."active" AS "_dms_c6", "src"."born" AS "_dms_c7", "src"."seen" AS "_dms_c8", "src"."changed" AS "_dms_x0", "src"."id" AS "_dms_x1" 
FROM "SRC"."s" "src" 
WHERE (price > 0 and name <> 'a') AND (NOT ("src"."changed" > :fence_0 OR "src"."changed" = :fence_0 AND "src"."id" > :fence_1) AND ("src"."changed" > :start_0 OR "src"."changed" = :start_0 AND "src"."id" >= :start_1) AND "src"."changed" IS NOT NULL AND "src"."id" IS NOT NULL OR "src"."changed" IS NULL OR "src"."id" IS NULL)
