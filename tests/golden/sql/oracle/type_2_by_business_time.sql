-- create_target
DECLARE found PLS_INTEGER; BEGIN SELECT COUNT(*) INTO found FROM all_objects WHERE owner = 'DWH' AND object_name = 't' AND object_type IN ('TABLE', 'VIEW'); IF found = 0 THEN BEGIN EXECUTE IMMEDIATE 'CREATE TABLE "DWH"."t" ( "t_sk" NUMBER(19) NOT NULL, "id" NUMBER(19) NOT NULL, "name" VARCHAR2(60 CHAR), "price" NUMBER(12,2), "valid_from" TIMESTAMP(6) NOT NULL, "valid_to" TIMESTAMP(6) NOT NULL, "is_current" NUMBER(1) NOT NULL, "inserted_at" TIMESTAMP(6), "modified_at" TIMESTAMP(6), CHECK ("is_current" IN (0, 1)) )'; EXCEPTION WHEN OTHERS THEN IF SQLCODE <> -955 THEN RAISE; END IF; END; END IF; END;

-- create_unique_index
BEGIN BEGIN EXECUTE IMMEDIATE 'CREATE UNIQUE INDEX "DWH"."t_current_key" ON "DWH"."t" (CASE WHEN "is_current" = 1 THEN "id" END)'; EXCEPTION WHEN OTHERS THEN IF SQLCODE <> -955 THEN RAISE; END IF; END; END;

-- probe
SELECT count(*) AS "count_1", count("s"."id") AS "count_2", count(DISTINCT "s"."id") AS "count_3" 
FROM "ORA$PTT_DMS_STAGE" "s"

-- matched
SELECT count(*) AS "count_1" 
FROM "ORA$PTT_DMS_STAGE" "s" 
WHERE "s"."_dms_fault" IS NULL AND (EXISTS (SELECT * 
FROM "DWH"."t" "t" 
WHERE "s"."id" = "t"."id" AND "t"."is_current" = 1))

-- refuse
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", CAST(CASE WHEN ("r"."_dms_fault" = 0) THEN NULL WHEN ("r"."_dms_fault" = 1) THEN 'id' WHEN ("r"."_dms_fault" = 2) THEN 'name' WHEN ("r"."_dms_fault" = 3) THEN 'name' WHEN ("r"."_dms_fault" = 4) THEN 'changed' WHEN ("r"."_dms_fault" = 5) THEN 'changed' WHEN ("r"."_dms_fault" = 6) THEN 'changed' END AS VARCHAR2(4000)) AS "anon_4", "r"."_dms_value", CASE WHEN ("r"."_dms_fault" = 0) THEN 'duplicate_key' WHEN ("r"."_dms_fault" = 1) THEN 'null_key' WHEN ("r"."_dms_fault" = 2) THEN 'too_long' WHEN ("r"."_dms_fault" = 3) THEN 'too_long' WHEN ("r"."_dms_fault" = 4) THEN 'not_storable' WHEN ("r"."_dms_fault" = 5) THEN 'null_effective' WHEN ("r"."_dms_fault" = 6) THEN 'effective_range' END AS "anon_5", CASE WHEN ("r"."_dms_fault" = 0) THEN 'the key has several rows' WHEN ("r"."_dms_fault" = 1) THEN 'a key column is NULL' WHEN ("r"."_dms_fault" = 2) THEN 'the value is longer than varchar(60)' WHEN ("r"."_dms_fault" = 3) THEN 'the value has more than 4000 bytes' WHEN ("r"."_dms_fault" = 4) THEN 'the target stores the years 1 to 9999' WHEN ("r"."_dms_fault" = 5) THEN 'the business time is NULL' WHEN ("r"."_dms_fault" = 6) THEN 'the business time is not before the open end' END AS "anon_6", :run_at AS "anon_7" 
FROM "ORA$PTT_DMS_STAGE" "r" 
WHERE "r"."_dms_fault" IS NOT NULL

-- fill
INSERT INTO "DWH"."t" ("id", "name", "price", "t_sk", "valid_from", "valid_to", "is_current", "inserted_at", "modified_at") SELECT "s"."id" AS "c0", "s"."name" AS "c1", "s"."price" AS "c2", :sk_base + row_number() OVER (ORDER BY NULL) AS "c3", "s"."_dms_effective" AS "c4", TIMESTAMP '9999-12-31 00:00:00' AS "c5", 1 AS "c6", :run_at AS "c7", :run_at AS "c8" 
FROM "ORA$PTT_DMS_STAGE" "s" 
WHERE "s"."_dms_fault" IS NULL

-- classify
INSERT INTO "ORA$PTT_DMS_DELTA" ("id", "name", "price", "_dms_fault", "_dms_value", "_dms_rid", "_dms_class", "_dms_live", "_dms_blocking", "_dms_effective", "_dms_last_end") SELECT "s"."id" AS "id", "s"."name" AS "name", "s"."price" AS "price", "s"."_dms_fault", "s"."_dms_value", "t"."_dms_rid", CASE WHEN ("s"."_dms_fault" IS NOT NULL) THEN 'fault' WHEN ("t"."_dms_rid" IS NULL) THEN 'new' WHEN ("s"."_dms_effective" < "t"."valid_from") THEN 'late' WHEN (DECODE("s"."name", "t"."name", 0, 1) = 1 OR DECODE("s"."price", "t"."price", 0, 1) = 1) THEN CASE WHEN ("s"."_dms_effective" <= "t"."valid_from") THEN 'late' ELSE 'version' END END AS "_dms_class", CASE WHEN ("t"."_dms_rid" IS NOT NULL) THEN 1 ELSE 0 END AS "_dms_live", "t"."valid_from" AS "_dms_blocking", "s"."_dms_effective" AS "_dms_effective", CAST(NULL AS TIMESTAMP(6)) AS "_dms_last_end" 
FROM (SELECT "ORA$PTT_DMS_STAGE"."id" AS "id", "ORA$PTT_DMS_STAGE"."name" AS "name", "ORA$PTT_DMS_STAGE"."price" AS "price", "ORA$PTT_DMS_STAGE"."_dms_effective" AS "_dms_effective", "ORA$PTT_DMS_STAGE"."_dms_fault" AS "_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value" AS "_dms_value", 1 AS "_dms_present" 
FROM "ORA$PTT_DMS_STAGE") "s" LEFT OUTER JOIN (SELECT "c".ROWID AS "_dms_rid", "c"."id" AS "id", "c"."name" AS "name", "c"."price" AS "price", "c"."valid_from" AS "valid_from" 
FROM "DWH"."t" "c" 
WHERE "c"."is_current" = 1) "t" ON "s"."id" = "t"."id" 
WHERE "s"."_dms_fault" IS NOT NULL OR "t"."_dms_rid" IS NULL OR "s"."_dms_effective" < "t"."valid_from" OR DECODE("s"."name", "t"."name", 0, 1) = 1 OR DECODE("s"."price", "t"."price", 0, 1) = 1

-- current_rows
SELECT count(*) AS "count_1" 
FROM "DWH"."t" "t" 
WHERE "t"."is_current" = 1

-- last_surrogate_key
SELECT max("DWH"."t"."t_sk") AS "max_1" 
FROM "DWH"."t"

-- find_any
SELECT CASE WHEN (EXISTS (SELECT 1 
FROM "DWH"."t")) THEN 1 ELSE 0 END AS "anon_1" FROM DUAL

-- collapse
DELETE FROM "ORA$PTT_DMS_STAGE" WHERE "ORA$PTT_DMS_STAGE".ROWID IN (SELECT "r"."_dms_rid" 
FROM (SELECT "s"."_dms_rid" AS "_dms_rid", row_number() OVER (PARTITION BY "s"."id", "s"."name", "s"."price", "s"."_dms_effective" ORDER BY NULL) AS "place" 
FROM (SELECT "ORA$PTT_DMS_STAGE".ROWID AS "_dms_rid", "ORA$PTT_DMS_STAGE"."id" AS "id", "ORA$PTT_DMS_STAGE"."name" AS "name", "ORA$PTT_DMS_STAGE"."price" AS "price", "ORA$PTT_DMS_STAGE"."_dms_effective" AS "_dms_effective", "ORA$PTT_DMS_STAGE"."_dms_fault" AS "_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value" AS "_dms_value" 
FROM "ORA$PTT_DMS_STAGE" 
WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL) "s") "r" 
WHERE "r"."place" > 1)

-- refuse_duplicates
UPDATE "ORA$PTT_DMS_STAGE" SET "_dms_fault"=0, "_dms_value"=NULL WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL AND (EXISTS (SELECT * 
FROM (SELECT "s"."id" AS "id" 
FROM (SELECT "ORA$PTT_DMS_STAGE".ROWID AS "_dms_rid", "ORA$PTT_DMS_STAGE"."id" AS "id", "ORA$PTT_DMS_STAGE"."name" AS "name", "ORA$PTT_DMS_STAGE"."price" AS "price", "ORA$PTT_DMS_STAGE"."_dms_effective" AS "_dms_effective", "ORA$PTT_DMS_STAGE"."_dms_fault" AS "_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value" AS "_dms_value" 
FROM "ORA$PTT_DMS_STAGE" 
WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL) "s" GROUP BY "s"."id" 
HAVING count(*) > 1) "k" 
WHERE "ORA$PTT_DMS_STAGE"."id" = "k"."id"))

-- count_classes
SELECT "ORA$PTT_DMS_DELTA"."_dms_class", count(*) AS "count_1", sum("ORA$PTT_DMS_DELTA"."_dms_live") AS "sum_1" 
FROM "ORA$PTT_DMS_DELTA" GROUP BY "ORA$PTT_DMS_DELTA"."_dms_class"

-- reject
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", CAST(CASE WHEN ("r"."_dms_class" = 'late') THEN NULL WHEN ("r"."_dms_fault" = 0) THEN NULL WHEN ("r"."_dms_fault" = 1) THEN 'id' WHEN ("r"."_dms_fault" = 2) THEN 'name' WHEN ("r"."_dms_fault" = 3) THEN 'name' WHEN ("r"."_dms_fault" = 4) THEN 'changed' WHEN ("r"."_dms_fault" = 5) THEN 'changed' WHEN ("r"."_dms_fault" = 6) THEN 'changed' END AS VARCHAR2(4000)) AS "anon_4", "r"."_dms_value", CASE WHEN ("r"."_dms_class" = 'late') THEN 'late' WHEN ("r"."_dms_fault" = 0) THEN 'duplicate_key' WHEN ("r"."_dms_fault" = 1) THEN 'null_key' WHEN ("r"."_dms_fault" = 2) THEN 'too_long' WHEN ("r"."_dms_fault" = 3) THEN 'too_long' WHEN ("r"."_dms_fault" = 4) THEN 'not_storable' WHEN ("r"."_dms_fault" = 5) THEN 'null_effective' WHEN ("r"."_dms_fault" = 6) THEN 'effective_range' END AS "anon_5", CASE WHEN ("r"."_dms_class" = 'late') THEN 'older than what the target holds since ' || TO_CHAR("r"."_dms_blocking", 'YYYY-MM-DD HH24:MI:SS.FF6') WHEN ("r"."_dms_fault" = 0) THEN 'the key has several rows' WHEN ("r"."_dms_fault" = 1) THEN 'a key column is NULL' WHEN ("r"."_dms_fault" = 2) THEN 'the value is longer than varchar(60)' WHEN ("r"."_dms_fault" = 3) THEN 'the value has more than 4000 bytes' WHEN ("r"."_dms_fault" = 4) THEN 'the target stores the years 1 to 9999' WHEN ("r"."_dms_fault" = 5) THEN 'the business time is NULL' WHEN ("r"."_dms_fault" = 6) THEN 'the business time is not before the open end' END AS "anon_6", :run_at AS "anon_7" 
FROM "ORA$PTT_DMS_DELTA" "r" 
WHERE "r"."_dms_class" IN ('fault', 'late') AND ("r"."_dms_fault" IS NULL OR "r"."_dms_fault" >= 0)

-- find_returning
MERGE INTO "ORA$PTT_DMS_DELTA" "d" USING (SELECT "t"."id" AS "id", max("t"."valid_to") AS "_dms_last_end" 
FROM "DWH"."t" "t" 
WHERE CASE WHEN ("t"."is_current" != 1) THEN 1 ELSE 0 END = 1 AND (EXISTS (SELECT * 
FROM "ORA$PTT_DMS_DELTA" "n" 
WHERE "n"."id" = "t"."id" AND "n"."_dms_class" = 'new')) GROUP BY "t"."id") "h" ON ("d"."_dms_class" = 'new' AND "d"."id" = "h"."id") WHEN MATCHED THEN UPDATE SET "d"."_dms_last_end" = "h"."_dms_last_end"

-- refuse_early_return
UPDATE "ORA$PTT_DMS_DELTA" SET "_dms_class"='late', "_dms_blocking"="ORA$PTT_DMS_DELTA"."_dms_last_end" WHERE "ORA$PTT_DMS_DELTA"."_dms_class" = 'new' AND "ORA$PTT_DMS_DELTA"."_dms_effective" < "ORA$PTT_DMS_DELTA"."_dms_last_end"

-- correct
MERGE INTO "DWH"."t" "t" USING "ORA$PTT_DMS_DELTA" "d" ON ("t".ROWID = "d"."_dms_rid" AND "d"."_dms_class" = 'correct') WHEN MATCHED THEN UPDATE SET "t"."name" = "d"."name", "t"."price" = "d"."price", "t"."modified_at" = :run_at

-- close
MERGE INTO "DWH"."t" "t" USING "ORA$PTT_DMS_DELTA" "d" ON ("t".ROWID = "d"."_dms_rid" AND "d"."_dms_class" = 'version') WHEN MATCHED THEN UPDATE SET "t"."valid_to" = "d"."_dms_effective", "t"."is_current" = 0, "t"."modified_at" = :run_at

-- overwrite
MERGE INTO "DWH"."t" "t" USING "ORA$PTT_DMS_DELTA" "d" ON ("t".ROWID = "d"."_dms_rid" AND "d"."_dms_class" = 'update') WHEN MATCHED THEN UPDATE SET "t"."modified_at" = :run_at

-- insert
INSERT INTO "DWH"."t" ("id", "name", "price", "t_sk", "valid_from", "valid_to", "is_current", "inserted_at", "modified_at") SELECT "d"."id" AS "c0", "d"."name" AS "c1", "d"."price" AS "c2", :sk_base + row_number() OVER (ORDER BY NULL) AS "c3", "d"."_dms_effective" AS "c4", TIMESTAMP '9999-12-31 00:00:00' AS "c5", 1 AS "c6", :run_at AS "c7", :run_at AS "c8" 
FROM "ORA$PTT_DMS_DELTA" "d" 
WHERE "d"."_dms_class" IN ('new', 'version')

-- verify
SELECT 0 AS "doubled", (SELECT count(*) AS "count_1" 
FROM "ORA$PTT_DMS_DELTA" "d" 
WHERE "d"."_dms_class" IN ('version') AND "d"."_dms_blocking" >= CASE WHEN ("d"."_dms_class" = 'gone') THEN :run_at ELSE "d"."_dms_effective" END) AS "inverted" FROM DUAL

-- number_rows
INSERT INTO "ORA$PTT_DMS_NUMBERED" ("id", "name", "price", "_dms_fault", "_dms_value", "_dms_rid", "_dms_class", "_dms_live", "_dms_blocking", "_dms_effective", "_dms_last_end", "_dms_number") SELECT "ORA$PTT_DMS_DELTA"."id", "ORA$PTT_DMS_DELTA"."name", "ORA$PTT_DMS_DELTA"."price", "ORA$PTT_DMS_DELTA"."_dms_fault", "ORA$PTT_DMS_DELTA"."_dms_value", "ORA$PTT_DMS_DELTA"."_dms_rid", "ORA$PTT_DMS_DELTA"."_dms_class", "ORA$PTT_DMS_DELTA"."_dms_live", "ORA$PTT_DMS_DELTA"."_dms_blocking", "ORA$PTT_DMS_DELTA"."_dms_effective", "ORA$PTT_DMS_DELTA"."_dms_last_end", row_number() OVER (ORDER BY "ORA$PTT_DMS_DELTA"."id") AS "_dms_number" 
FROM "ORA$PTT_DMS_DELTA" 
WHERE "ORA$PTT_DMS_DELTA"."_dms_class" IN ('new', 'version', 'update', 'correct')

-- empty_delta
DELETE FROM "ORA$PTT_DMS_DELTA"

-- take_rows
INSERT INTO "ORA$PTT_DMS_DELTA" ("id", "name", "price", "_dms_fault", "_dms_value", "_dms_rid", "_dms_class", "_dms_live", "_dms_blocking", "_dms_effective", "_dms_last_end") SELECT "n"."id", "n"."name", "n"."price", "n"."_dms_fault", "n"."_dms_value", "n"."_dms_rid", "n"."_dms_class", "n"."_dms_live", "n"."_dms_blocking", "n"."_dms_effective", "n"."_dms_last_end" 
FROM "ORA$PTT_DMS_NUMBERED" "n" 
WHERE "n"."_dms_number" >= :first AND "n"."_dms_number" < :last AND NOT (EXISTS (SELECT * 
FROM "ORA$PTT_DMS_REFUSED" "f" 
WHERE "f"."_dms_number" = "n"."_dms_number"))

-- mark_refused
MERGE INTO "ORA$PTT_DMS_STAGE" USING (SELECT "ORA$PTT_DMS_STAGE".ROWID AS "_dms_row", CAST(-"m"."_dms_number" AS INTEGER) AS "v0", NULL AS "v1" 
FROM "ORA$PTT_DMS_STAGE", (SELECT "n"."id" AS "id", "n"."_dms_number" AS "_dms_number" 
FROM "ORA$PTT_DMS_NUMBERED" "n" JOIN "ORA$PTT_DMS_REFUSED" "f" ON "f"."_dms_number" = "n"."_dms_number") "m" 
WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL AND "ORA$PTT_DMS_STAGE"."id" = "m"."id") "u" ON ("ORA$PTT_DMS_STAGE".ROWID = "u"."_dms_row") WHEN MATCHED THEN UPDATE SET "ORA$PTT_DMS_STAGE"."_dms_fault" = "u"."v0", "ORA$PTT_DMS_STAGE"."_dms_value" = "u"."v1"

-- reject_refused
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", "f"."column_name", CASE WHEN ("f"."column_name" = 'id') THEN TO_CLOB(CAST("r"."id" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'name') THEN TO_CLOB(CAST("r"."name" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'price') THEN TO_CLOB(CAST("r"."price" AS VARCHAR2(4000))) END AS "anon_4", "f"."reason", "f"."message", :run_at AS "anon_5" 
FROM "ORA$PTT_DMS_DELTA" "r" JOIN "ORA$PTT_DMS_REFUSED" "f" ON "r"."_dms_fault" = -"f"."_dms_number"

-- refuse_refused
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", CAST(CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN "f"."column_name" WHEN ("r"."_dms_fault" = 0) THEN NULL WHEN ("r"."_dms_fault" = 1) THEN 'id' WHEN ("r"."_dms_fault" = 2) THEN 'name' WHEN ("r"."_dms_fault" = 3) THEN 'name' WHEN ("r"."_dms_fault" = 4) THEN 'changed' WHEN ("r"."_dms_fault" = 5) THEN 'changed' WHEN ("r"."_dms_fault" = 6) THEN 'changed' END AS VARCHAR2(4000)) AS "anon_4", CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN CASE WHEN ("f"."column_name" = 'id') THEN TO_CLOB(CAST("r"."id" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'name') THEN TO_CLOB(CAST("r"."name" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'price') THEN TO_CLOB(CAST("r"."price" AS VARCHAR2(4000))) END ELSE "r"."_dms_value" END AS "anon_5", CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN "f"."reason" WHEN ("r"."_dms_fault" = 0) THEN 'duplicate_key' WHEN ("r"."_dms_fault" = 1) THEN 'null_key' WHEN ("r"."_dms_fault" = 2) THEN 'too_long' WHEN ("r"."_dms_fault" = 3) THEN 'too_long' WHEN ("r"."_dms_fault" = 4) THEN 'not_storable' WHEN ("r"."_dms_fault" = 5) THEN 'null_effective' WHEN ("r"."_dms_fault" = 6) THEN 'effective_range' END AS "anon_6", CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN "f"."message" WHEN ("r"."_dms_fault" = 0) THEN 'the key has several rows' WHEN ("r"."_dms_fault" = 1) THEN 'a key column is NULL' WHEN ("r"."_dms_fault" = 2) THEN 'the value is longer than varchar(60)' WHEN ("r"."_dms_fault" = 3) THEN 'the value has more than 4000 bytes' WHEN ("r"."_dms_fault" = 4) THEN 'the target stores the years 1 to 9999' WHEN ("r"."_dms_fault" = 5) THEN 'the business time is NULL' WHEN ("r"."_dms_fault" = 6) THEN 'the business time is not before the open end' END AS "anon_7", :run_at AS "anon_8" 
FROM "ORA$PTT_DMS_STAGE" "r" LEFT OUTER JOIN "ORA$PTT_DMS_REFUSED" "f" ON "r"."_dms_fault" = -"f"."_dms_number" 
WHERE "r"."_dms_fault" IS NOT NULL

-- define_dms_stage
CREATE PRIVATE TEMPORARY TABLE "ORA$PTT_DMS_STAGE" ("id" NUMBER(19), "name" VARCHAR2(60 CHAR), "price" NUMBER(12,2), "_dms_effective" TIMESTAMP(6), "_dms_fault" NUMBER(10), "_dms_value" CLOB) ON COMMIT PRESERVE DEFINITION

-- define_dms_delta
CREATE PRIVATE TEMPORARY TABLE "ORA$PTT_DMS_DELTA" ("id" NUMBER(19), "name" VARCHAR2(60 CHAR), "price" NUMBER(12,2), "_dms_fault" NUMBER(10), "_dms_value" CLOB, "_dms_rid" ROWID, "_dms_class" VARCHAR2(4000 BYTE), "_dms_live" NUMBER(10), "_dms_blocking" TIMESTAMP(6), "_dms_effective" TIMESTAMP(6), "_dms_last_end" TIMESTAMP(6)) ON COMMIT PRESERVE DEFINITION

-- define_dms_numbered
CREATE PRIVATE TEMPORARY TABLE "ORA$PTT_DMS_NUMBERED" ("id" NUMBER(19), "name" VARCHAR2(60 CHAR), "price" NUMBER(12,2), "_dms_fault" NUMBER(10), "_dms_value" CLOB, "_dms_rid" ROWID, "_dms_class" VARCHAR2(4000 BYTE), "_dms_live" NUMBER(10), "_dms_blocking" TIMESTAMP(6), "_dms_effective" TIMESTAMP(6), "_dms_last_end" TIMESTAMP(6), "_dms_number" NUMBER(19)) ON COMMIT PRESERVE DEFINITION
