-- create_target
DECLARE found PLS_INTEGER; BEGIN SELECT COUNT(*) INTO found FROM all_objects WHERE owner = 'DWH' AND object_name = 't' AND object_type IN ('TABLE', 'VIEW'); IF found = 0 THEN BEGIN EXECUTE IMMEDIATE 'CREATE TABLE "DWH"."t" ( "t_sk" NUMBER(19) NOT NULL, "id" NUMBER(19) NOT NULL, "name" VARCHAR2(60 CHAR), "photo" BLOB, "price" NUMBER(12,2), "price_now" NUMBER(12,2), "code" VARCHAR2(20 CHAR), "note" CLOB, "name_previous" VARCHAR2(60 CHAR), "name_since" TIMESTAMP(6), "old_photo" BLOB, "photo_since" TIMESTAMP(6), "valid_from" TIMESTAMP(6) NOT NULL, "valid_to" TIMESTAMP(6) NOT NULL, "is_current" NUMBER(1) NOT NULL, "is_deleted" NUMBER(1) NOT NULL, "inserted_at" TIMESTAMP(6), "modified_at" TIMESTAMP(6), CHECK ("is_current" IN (0, 1)), CHECK ("is_deleted" IN (0, 1)) )'; EXCEPTION WHEN OTHERS THEN IF SQLCODE <> -955 THEN RAISE; END IF; END; END IF; END;

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
WHERE "s"."id" = "t"."id" AND "t"."is_current" = 1 AND DECODE("t"."is_deleted", 1, 0, 1) = 1))

-- refuse
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", CAST(CASE WHEN ("r"."_dms_fault" = 0) THEN NULL WHEN ("r"."_dms_fault" = 1) THEN 'id' WHEN ("r"."_dms_fault" = 2) THEN 'name' WHEN ("r"."_dms_fault" = 3) THEN 'name' WHEN ("r"."_dms_fault" = 4) THEN 'code' WHEN ("r"."_dms_fault" = 5) THEN 'code' END AS VARCHAR2(4000)) AS "anon_4", "r"."_dms_value", CASE WHEN ("r"."_dms_fault" = 0) THEN 'duplicate_key' WHEN ("r"."_dms_fault" = 1) THEN 'null_key' WHEN ("r"."_dms_fault" = 2) THEN 'too_long' WHEN ("r"."_dms_fault" = 3) THEN 'too_long' WHEN ("r"."_dms_fault" = 4) THEN 'too_long' WHEN ("r"."_dms_fault" = 5) THEN 'too_long' END AS "anon_5", CASE WHEN ("r"."_dms_fault" = 0) THEN 'the key has several rows' WHEN ("r"."_dms_fault" = 1) THEN 'a key column is NULL' WHEN ("r"."_dms_fault" = 2) THEN 'the value is longer than varchar(60)' WHEN ("r"."_dms_fault" = 3) THEN 'the value has more than 4000 bytes' WHEN ("r"."_dms_fault" = 4) THEN 'the value is longer than varchar(20)' WHEN ("r"."_dms_fault" = 5) THEN 'the value has more than 4000 bytes' END AS "anon_6", :run_at AS "anon_7" 
FROM "ORA$PTT_DMS_STAGE" "r" 
WHERE "r"."_dms_fault" IS NOT NULL

-- fill
INSERT INTO "DWH"."t" ("id", "name", "photo", "price", "price_now", "code", "note", "t_sk", "valid_from", "valid_to", "is_current", "is_deleted", "inserted_at", "modified_at") SELECT "s"."id" AS "c0", "s"."name" AS "c1", "s"."photo" AS "c2", "s"."price" AS "c3", "s"."price_now" AS "c4", "s"."code" AS "c5", "s"."note" AS "c6", :sk_base + row_number() OVER (ORDER BY NULL) AS "c7", :run_at AS "c8", TIMESTAMP '9999-12-31 00:00:00' AS "c9", 1 AS "c10", 0 AS "c11", :run_at AS "c12", :run_at AS "c13" 
FROM "ORA$PTT_DMS_STAGE" "s" 
WHERE "s"."_dms_fault" IS NULL

-- classify
INSERT INTO "ORA$PTT_DMS_DELTA" ("id", "name", "photo", "price", "price_now", "code", "note", "name_previous", "name_since", "old_photo", "photo_since", "_dms_fault", "_dms_value", "_dms_rid", "_dms_class", "_dms_live", "_dms_blocking", "_dms_effective", "_dms_last_end") SELECT coalesce("s"."id", "t"."id") AS "id", CASE WHEN ("s"."_dms_present" IS NULL) THEN "t"."name" ELSE "s"."name" END AS "name", CASE WHEN ("s"."_dms_present" IS NULL) THEN "t"."photo" ELSE "s"."photo" END AS "photo", CASE WHEN ("s"."_dms_present" IS NULL) THEN "t"."price" ELSE "s"."price" END AS "price", CASE WHEN ("s"."_dms_present" IS NULL) THEN "t"."price_now" ELSE "s"."price_now" END AS "price_now", CASE WHEN ("s"."_dms_present" IS NULL) THEN "t"."code" ELSE "s"."code" END AS "code", CASE WHEN ("s"."_dms_present" IS NULL) THEN "t"."note" ELSE "s"."note" END AS "note", CASE WHEN ("t"."_dms_rid" IS NOT NULL AND "s"."_dms_present" IS NOT NULL AND DECODE("s"."name", "t"."name", 0, 1) = 1) THEN "t"."name" ELSE "t"."name_previous" END AS "name_previous", CASE WHEN ("t"."_dms_rid" IS NOT NULL AND "s"."_dms_present" IS NOT NULL AND DECODE("s"."name", "t"."name", 0, 1) = 1) THEN :run_at ELSE "t"."name_since" END AS "name_since", CASE WHEN ("t"."_dms_rid" IS NOT NULL AND "s"."_dms_present" IS NOT NULL AND (CASE WHEN "s"."photo" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."photo" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."photo", "t"."photo"), 0) <> 0)) THEN "t"."photo" ELSE "t"."old_photo" END AS "old_photo", CASE WHEN ("t"."_dms_rid" IS NOT NULL AND "s"."_dms_present" IS NOT NULL AND (CASE WHEN "s"."photo" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."photo" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."photo", "t"."photo"), 0) <> 0)) THEN :run_at ELSE "t"."photo_since" END AS "photo_since", "s"."_dms_fault", "s"."_dms_value", "t"."_dms_rid", CASE WHEN ("s"."_dms_present" IS NULL AND DECODE("t"."is_deleted", 1, 0, 1) = 1) THEN 'gone' WHEN ("s"."_dms_fault" IS NOT NULL) THEN 'fault' WHEN ("t"."_dms_rid" IS NULL) THEN 'new' WHEN (DECODE("s"."price", "t"."price", 0, 1) = 1 OR "t"."is_deleted" = 1) THEN CASE WHEN (:run_at <= "t"."valid_from") THEN 'late' ELSE 'version' END WHEN (DECODE("s"."name", "t"."name", 0, 1) = 1 OR (CASE WHEN "s"."photo" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."photo" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."photo", "t"."photo"), 0) <> 0) OR DECODE("s"."price_now", "t"."price_now", 0, 1) = 1 OR DECODE("s"."code", "t"."code", 0, 1) = 1 OR (CASE WHEN "s"."note" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."note" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."note", "t"."note"), 0) <> 0)) THEN 'update' END AS "_dms_class", CASE WHEN ("t"."_dms_rid" IS NOT NULL AND DECODE("t"."is_deleted", 1, 0, 1) = 1) THEN 1 ELSE 0 END AS "_dms_live", "t"."valid_from" AS "_dms_blocking", :run_at AS "_dms_effective", CAST(NULL AS TIMESTAMP(6)) AS "_dms_last_end" 
FROM (SELECT "ORA$PTT_DMS_STAGE"."id" AS "id", "ORA$PTT_DMS_STAGE"."name" AS "name", "ORA$PTT_DMS_STAGE"."photo" AS "photo", "ORA$PTT_DMS_STAGE"."price" AS "price", "ORA$PTT_DMS_STAGE"."price_now" AS "price_now", "ORA$PTT_DMS_STAGE"."code" AS "code", "ORA$PTT_DMS_STAGE"."note" AS "note", "ORA$PTT_DMS_STAGE"."_dms_fault" AS "_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value" AS "_dms_value", 1 AS "_dms_present" 
FROM "ORA$PTT_DMS_STAGE") "s" FULL OUTER JOIN (SELECT "c".ROWID AS "_dms_rid", "c"."id" AS "id", "c"."name" AS "name", "c"."photo" AS "photo", "c"."price" AS "price", "c"."price_now" AS "price_now", "c"."code" AS "code", "c"."note" AS "note", "c"."name_previous" AS "name_previous", "c"."name_since" AS "name_since", "c"."old_photo" AS "old_photo", "c"."photo_since" AS "photo_since", "c"."valid_from" AS "valid_from", "c"."is_deleted" AS "is_deleted" 
FROM "DWH"."t" "c" 
WHERE "c"."is_current" = 1) "t" ON "s"."id" = "t"."id" 
WHERE "s"."_dms_present" IS NULL AND DECODE("t"."is_deleted", 1, 0, 1) = 1 OR "s"."_dms_present" IS NOT NULL AND ("s"."_dms_fault" IS NOT NULL OR "t"."_dms_rid" IS NULL OR DECODE("s"."price", "t"."price", 0, 1) = 1 OR "t"."is_deleted" = 1 OR DECODE("s"."name", "t"."name", 0, 1) = 1 OR (CASE WHEN "s"."photo" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."photo" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."photo", "t"."photo"), 0) <> 0) OR DECODE("s"."price_now", "t"."price_now", 0, 1) = 1 OR DECODE("s"."code", "t"."code", 0, 1) = 1 OR (CASE WHEN "s"."note" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."note" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."note", "t"."note"), 0) <> 0))

-- current_rows
SELECT count(*) AS "count_1" 
FROM "DWH"."t" "t" 
WHERE "t"."is_current" = 1 AND DECODE("t"."is_deleted", 1, 0, 1) = 1

-- rewrite
MERGE INTO "DWH"."t" "t" USING (SELECT "t".ROWID AS "_dms_row", "r"."price_now" AS "v0", "r"."code" AS "v1", "r"."note" AS "v2", :run_at AS "v3" 
FROM "DWH"."t" "t", (SELECT "d"."id" AS "id", "d"."price_now" AS "price_now", "d"."code" AS "code", "d"."note" AS "note" 
FROM "ORA$PTT_DMS_DELTA" "d" 
WHERE "d"."_dms_class" IN ('new', 'version', 'update', 'correct')) "r" 
WHERE "r"."id" = "t"."id" AND CASE WHEN ("t"."is_current" != 1) THEN 1 ELSE 0 END = 1 AND (DECODE("r"."price_now", "t"."price_now", 0, 1) = 1 OR DECODE("r"."code", "t"."code", 0, 1) = 1 OR (CASE WHEN "r"."note" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."note" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("r"."note", "t"."note"), 0) <> 0))) "u" ON ("t".ROWID = "u"."_dms_row") WHEN MATCHED THEN UPDATE SET "t"."price_now" = "u"."v0", "t"."code" = "u"."v1", "t"."note" = "u"."v2", "t"."modified_at" = "u"."v3"

-- last_surrogate_key
SELECT max("DWH"."t"."t_sk") AS "max_1" 
FROM "DWH"."t"

-- find_any
SELECT CASE WHEN (EXISTS (SELECT 1 
FROM "DWH"."t")) THEN 1 ELSE 0 END AS "anon_1" FROM DUAL

-- collapse
DELETE FROM "ORA$PTT_DMS_STAGE" WHERE "ORA$PTT_DMS_STAGE".ROWID IN (SELECT "s"."_dms_rid" 
FROM (SELECT "ORA$PTT_DMS_STAGE".ROWID AS "_dms_rid", "ORA$PTT_DMS_STAGE"."id" AS "id", "ORA$PTT_DMS_STAGE"."name" AS "name", "ORA$PTT_DMS_STAGE"."photo" AS "photo", "ORA$PTT_DMS_STAGE"."price" AS "price", "ORA$PTT_DMS_STAGE"."price_now" AS "price_now", "ORA$PTT_DMS_STAGE"."code" AS "code", "ORA$PTT_DMS_STAGE"."note" AS "note", "ORA$PTT_DMS_STAGE"."_dms_fault" AS "_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value" AS "_dms_value" 
FROM "ORA$PTT_DMS_STAGE" 
WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL) "s" JOIN (SELECT "ORA$PTT_DMS_STAGE".ROWID AS "_dms_rid", "ORA$PTT_DMS_STAGE"."id" AS "id", "ORA$PTT_DMS_STAGE"."name" AS "name", "ORA$PTT_DMS_STAGE"."photo" AS "photo", "ORA$PTT_DMS_STAGE"."price" AS "price", "ORA$PTT_DMS_STAGE"."price_now" AS "price_now", "ORA$PTT_DMS_STAGE"."code" AS "code", "ORA$PTT_DMS_STAGE"."note" AS "note", "ORA$PTT_DMS_STAGE"."_dms_fault" AS "_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value" AS "_dms_value" 
FROM "ORA$PTT_DMS_STAGE" 
WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL) "e" ON "s"."id" = "e"."id" 
WHERE "e"."_dms_rid" < "s"."_dms_rid" AND NOT (DECODE("s"."name", "e"."name", 0, 1) = 1 OR (CASE WHEN "s"."photo" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "e"."photo" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."photo", "e"."photo"), 0) <> 0) OR DECODE("s"."price", "e"."price", 0, 1) = 1 OR DECODE("s"."price_now", "e"."price_now", 0, 1) = 1 OR DECODE("s"."code", "e"."code", 0, 1) = 1 OR (CASE WHEN "s"."note" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "e"."note" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."note", "e"."note"), 0) <> 0)))

-- refuse_duplicates
UPDATE "ORA$PTT_DMS_STAGE" SET "_dms_fault"=0, "_dms_value"=NULL WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL AND (EXISTS (SELECT * 
FROM (SELECT "s"."id" AS "id" 
FROM (SELECT "ORA$PTT_DMS_STAGE".ROWID AS "_dms_rid", "ORA$PTT_DMS_STAGE"."id" AS "id", "ORA$PTT_DMS_STAGE"."name" AS "name", "ORA$PTT_DMS_STAGE"."photo" AS "photo", "ORA$PTT_DMS_STAGE"."price" AS "price", "ORA$PTT_DMS_STAGE"."price_now" AS "price_now", "ORA$PTT_DMS_STAGE"."code" AS "code", "ORA$PTT_DMS_STAGE"."note" AS "note", "ORA$PTT_DMS_STAGE"."_dms_fault" AS "_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value" AS "_dms_value" 
FROM "ORA$PTT_DMS_STAGE" 
WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL) "s" GROUP BY "s"."id" 
HAVING count(*) > 1) "k" 
WHERE "ORA$PTT_DMS_STAGE"."id" = "k"."id"))

-- count_classes
SELECT "ORA$PTT_DMS_DELTA"."_dms_class", count(*) AS "count_1", sum("ORA$PTT_DMS_DELTA"."_dms_live") AS "sum_1" 
FROM "ORA$PTT_DMS_DELTA" GROUP BY "ORA$PTT_DMS_DELTA"."_dms_class"

-- reject
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", CAST(CASE WHEN ("r"."_dms_class" = 'late') THEN NULL WHEN ("r"."_dms_fault" = 0) THEN NULL WHEN ("r"."_dms_fault" = 1) THEN 'id' WHEN ("r"."_dms_fault" = 2) THEN 'name' WHEN ("r"."_dms_fault" = 3) THEN 'name' WHEN ("r"."_dms_fault" = 4) THEN 'code' WHEN ("r"."_dms_fault" = 5) THEN 'code' END AS VARCHAR2(4000)) AS "anon_4", "r"."_dms_value", CASE WHEN ("r"."_dms_class" = 'late') THEN 'late' WHEN ("r"."_dms_fault" = 0) THEN 'duplicate_key' WHEN ("r"."_dms_fault" = 1) THEN 'null_key' WHEN ("r"."_dms_fault" = 2) THEN 'too_long' WHEN ("r"."_dms_fault" = 3) THEN 'too_long' WHEN ("r"."_dms_fault" = 4) THEN 'too_long' WHEN ("r"."_dms_fault" = 5) THEN 'too_long' END AS "anon_5", CASE WHEN ("r"."_dms_class" = 'late') THEN 'older than what the target holds since ' || TO_CHAR("r"."_dms_blocking", 'YYYY-MM-DD HH24:MI:SS.FF6') WHEN ("r"."_dms_fault" = 0) THEN 'the key has several rows' WHEN ("r"."_dms_fault" = 1) THEN 'a key column is NULL' WHEN ("r"."_dms_fault" = 2) THEN 'the value is longer than varchar(60)' WHEN ("r"."_dms_fault" = 3) THEN 'the value has more than 4000 bytes' WHEN ("r"."_dms_fault" = 4) THEN 'the value is longer than varchar(20)' WHEN ("r"."_dms_fault" = 5) THEN 'the value has more than 4000 bytes' END AS "anon_6", :run_at AS "anon_7" 
FROM "ORA$PTT_DMS_DELTA" "r" 
WHERE "r"."_dms_class" IN ('fault', 'late') AND ("r"."_dms_fault" IS NULL OR "r"."_dms_fault" >= 0)

-- correct
MERGE INTO "DWH"."t" "t" USING "ORA$PTT_DMS_DELTA" "d" ON ("t".ROWID = "d"."_dms_rid" AND "d"."_dms_class" = 'correct') WHEN MATCHED THEN UPDATE SET "t"."name" = "d"."name", "t"."photo" = "d"."photo", "t"."price" = "d"."price", "t"."price_now" = "d"."price_now", "t"."code" = "d"."code", "t"."note" = "d"."note", "t"."name_previous" = "d"."name_previous", "t"."name_since" = "d"."name_since", "t"."old_photo" = "d"."old_photo", "t"."photo_since" = "d"."photo_since", "t"."is_deleted" = 0, "t"."modified_at" = :run_at

-- close
MERGE INTO "DWH"."t" "t" USING "ORA$PTT_DMS_DELTA" "d" ON ("t".ROWID = "d"."_dms_rid" AND "d"."_dms_class" = 'version') WHEN MATCHED THEN UPDATE SET "t"."valid_to" = "d"."_dms_effective", "t"."is_current" = 0, "t"."modified_at" = :run_at

-- overwrite
MERGE INTO "DWH"."t" "t" USING "ORA$PTT_DMS_DELTA" "d" ON ("t".ROWID = "d"."_dms_rid" AND "d"."_dms_class" = 'update') WHEN MATCHED THEN UPDATE SET "t"."name" = "d"."name", "t"."photo" = "d"."photo", "t"."price_now" = "d"."price_now", "t"."code" = "d"."code", "t"."note" = "d"."note", "t"."name_previous" = "d"."name_previous", "t"."name_since" = "d"."name_since", "t"."old_photo" = "d"."old_photo", "t"."photo_since" = "d"."photo_since", "t"."is_deleted" = 0, "t"."modified_at" = :run_at

-- insert
INSERT INTO "DWH"."t" ("id", "name", "photo", "price", "price_now", "code", "note", "name_previous", "name_since", "old_photo", "photo_since", "t_sk", "valid_from", "valid_to", "is_current", "is_deleted", "inserted_at", "modified_at") SELECT "d"."id" AS "c0", "d"."name" AS "c1", "d"."photo" AS "c2", "d"."price" AS "c3", "d"."price_now" AS "c4", "d"."code" AS "c5", "d"."note" AS "c6", "d"."name_previous" AS "c7", "d"."name_since" AS "c8", "d"."old_photo" AS "c9", "d"."photo_since" AS "c10", :sk_base + row_number() OVER (ORDER BY NULL) AS "c11", "d"."_dms_effective" AS "c12", TIMESTAMP '9999-12-31 00:00:00' AS "c13", 1 AS "c14", 0 AS "c15", :run_at AS "c16", :run_at AS "c17" 
FROM "ORA$PTT_DMS_DELTA" "d" 
WHERE "d"."_dms_class" IN ('new', 'version')

-- close_gone
MERGE INTO "DWH"."t" "t" USING "ORA$PTT_DMS_DELTA" "d" ON ("t".ROWID = "d"."_dms_rid" AND "d"."_dms_class" = 'gone') WHEN MATCHED THEN UPDATE SET "t"."valid_to" = :run_at, "t"."is_current" = 0, "t"."modified_at" = :run_at

-- bury_gone
INSERT INTO "DWH"."t" ("id", "name", "photo", "price", "price_now", "code", "note", "name_previous", "name_since", "old_photo", "photo_since", "t_sk", "valid_from", "valid_to", "is_current", "is_deleted", "inserted_at", "modified_at") SELECT "d"."id" AS "c0", "d"."name" AS "c1", "d"."photo" AS "c2", "d"."price" AS "c3", "d"."price_now" AS "c4", "d"."code" AS "c5", "d"."note" AS "c6", "d"."name_previous" AS "c7", "d"."name_since" AS "c8", "d"."old_photo" AS "c9", "d"."photo_since" AS "c10", :sk_base + row_number() OVER (ORDER BY NULL) AS "c11", :run_at AS "c12", TIMESTAMP '9999-12-31 00:00:00' AS "c13", 1 AS "c14", 1 AS "c15", :run_at AS "c16", :run_at AS "c17" 
FROM "ORA$PTT_DMS_DELTA" "d" 
WHERE "d"."_dms_class" = 'gone'

-- verify
SELECT 0 AS "doubled", (SELECT count(*) AS "count_1" 
FROM "ORA$PTT_DMS_DELTA" "d" 
WHERE "d"."_dms_class" IN ('version', 'gone') AND "d"."_dms_blocking" >= CASE WHEN ("d"."_dms_class" = 'gone') THEN :run_at ELSE "d"."_dms_effective" END) AS "inverted" FROM DUAL

-- keep_gone
INSERT INTO "DWH"."dmsflow_gone_t" ("run_id", "chunk", "id") SELECT :run_id AS "anon_1", :chunk AS "anon_2", "ORA$PTT_DMS_DELTA"."id" 
FROM "ORA$PTT_DMS_DELTA" 
WHERE "ORA$PTT_DMS_DELTA"."_dms_class" = 'gone'

-- find_gone
INSERT INTO "ORA$PTT_DMS_DELTA" ("id", "name", "photo", "price", "price_now", "code", "note", "name_previous", "name_since", "old_photo", "photo_since", "_dms_rid", "_dms_class", "_dms_blocking", "_dms_effective") SELECT "t"."id" AS "id", "t"."name" AS "name", "t"."photo" AS "photo", "t"."price" AS "price", "t"."price_now" AS "price_now", "t"."code" AS "code", "t"."note" AS "note", "t"."name_previous" AS "name_previous", "t"."name_since" AS "name_since", "t"."old_photo" AS "old_photo", "t"."photo_since" AS "photo_since", "t".ROWID AS "_dms_rid", 'gone' AS "_dms_class", "t"."valid_from" AS "_dms_blocking", :run_at AS "_dms_effective" 
FROM "DWH"."t" "t" JOIN "DWH"."dmsflow_gone_t" ON "DWH"."dmsflow_gone_t"."id" = "t"."id" 
WHERE "DWH"."dmsflow_gone_t"."run_id" = :run_id AND "t"."is_current" = 1 AND DECODE("t"."is_deleted", 1, 0, 1) = 1

-- count_gone
SELECT count(*) AS "count_1" 
FROM "ORA$PTT_DMS_DELTA"

-- forget_gone
DELETE FROM "DWH"."dmsflow_gone_t" WHERE "DWH"."dmsflow_gone_t"."run_id" = :run_id

-- current_total
SELECT count(*) AS "count_1" 
FROM "DWH"."t" "t" 
WHERE "t"."is_current" = 1 AND DECODE("t"."is_deleted", 1, 0, 1) = 1

-- verify_gone
SELECT 0 AS "doubled", (SELECT count(*) AS "count_1" 
FROM "ORA$PTT_DMS_DELTA" "d" 
WHERE "d"."_dms_class" IN ('version', 'gone') AND "d"."_dms_blocking" >= CASE WHEN ("d"."_dms_class" = 'gone') THEN :run_at ELSE "d"."_dms_effective" END) AS "inverted" FROM DUAL

-- number_rows
INSERT INTO "ORA$PTT_DMS_NUMBERED" ("id", "name", "photo", "price", "price_now", "code", "note", "name_previous", "name_since", "old_photo", "photo_since", "_dms_fault", "_dms_value", "_dms_rid", "_dms_class", "_dms_live", "_dms_blocking", "_dms_effective", "_dms_last_end", "_dms_number") SELECT "ORA$PTT_DMS_DELTA"."id", "ORA$PTT_DMS_DELTA"."name", "ORA$PTT_DMS_DELTA"."photo", "ORA$PTT_DMS_DELTA"."price", "ORA$PTT_DMS_DELTA"."price_now", "ORA$PTT_DMS_DELTA"."code", "ORA$PTT_DMS_DELTA"."note", "ORA$PTT_DMS_DELTA"."name_previous", "ORA$PTT_DMS_DELTA"."name_since", "ORA$PTT_DMS_DELTA"."old_photo", "ORA$PTT_DMS_DELTA"."photo_since", "ORA$PTT_DMS_DELTA"."_dms_fault", "ORA$PTT_DMS_DELTA"."_dms_value", "ORA$PTT_DMS_DELTA"."_dms_rid", "ORA$PTT_DMS_DELTA"."_dms_class", "ORA$PTT_DMS_DELTA"."_dms_live", "ORA$PTT_DMS_DELTA"."_dms_blocking", "ORA$PTT_DMS_DELTA"."_dms_effective", "ORA$PTT_DMS_DELTA"."_dms_last_end", row_number() OVER (ORDER BY "ORA$PTT_DMS_DELTA"."id") AS "_dms_number" 
FROM "ORA$PTT_DMS_DELTA" 
WHERE "ORA$PTT_DMS_DELTA"."_dms_class" IN ('new', 'version', 'update', 'correct')

-- empty_delta
DELETE FROM "ORA$PTT_DMS_DELTA"

-- take_rows
INSERT INTO "ORA$PTT_DMS_DELTA" ("id", "name", "photo", "price", "price_now", "code", "note", "name_previous", "name_since", "old_photo", "photo_since", "_dms_fault", "_dms_value", "_dms_rid", "_dms_class", "_dms_live", "_dms_blocking", "_dms_effective", "_dms_last_end") SELECT "n"."id", "n"."name", "n"."photo", "n"."price", "n"."price_now", "n"."code", "n"."note", "n"."name_previous", "n"."name_since", "n"."old_photo", "n"."photo_since", "n"."_dms_fault", "n"."_dms_value", "n"."_dms_rid", "n"."_dms_class", "n"."_dms_live", "n"."_dms_blocking", "n"."_dms_effective", "n"."_dms_last_end" 
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
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", "f"."column_name", CASE WHEN ("f"."column_name" = 'id') THEN TO_CLOB(CAST("r"."id" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'name') THEN TO_CLOB(CAST("r"."name" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'photo') THEN TO_CLOB(RAWTOHEX(DBMS_LOB.SUBSTR("r"."photo", 2000, 1))) WHEN ("f"."column_name" = 'price') THEN TO_CLOB(CAST("r"."price" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'price_now') THEN TO_CLOB(CAST("r"."price_now" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'code') THEN TO_CLOB(CAST("r"."code" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'note') THEN "r"."note" END AS "anon_4", "f"."reason", "f"."message", :run_at AS "anon_5" 
FROM "ORA$PTT_DMS_DELTA" "r" JOIN "ORA$PTT_DMS_REFUSED" "f" ON "r"."_dms_fault" = -"f"."_dms_number"

-- refuse_refused
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", CAST(CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN "f"."column_name" WHEN ("r"."_dms_fault" = 0) THEN NULL WHEN ("r"."_dms_fault" = 1) THEN 'id' WHEN ("r"."_dms_fault" = 2) THEN 'name' WHEN ("r"."_dms_fault" = 3) THEN 'name' WHEN ("r"."_dms_fault" = 4) THEN 'code' WHEN ("r"."_dms_fault" = 5) THEN 'code' END AS VARCHAR2(4000)) AS "anon_4", CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN CASE WHEN ("f"."column_name" = 'id') THEN TO_CLOB(CAST("r"."id" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'name') THEN TO_CLOB(CAST("r"."name" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'photo') THEN TO_CLOB(RAWTOHEX(DBMS_LOB.SUBSTR("r"."photo", 2000, 1))) WHEN ("f"."column_name" = 'price') THEN TO_CLOB(CAST("r"."price" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'price_now') THEN TO_CLOB(CAST("r"."price_now" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'code') THEN TO_CLOB(CAST("r"."code" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'note') THEN "r"."note" END ELSE "r"."_dms_value" END AS "anon_5", CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN "f"."reason" WHEN ("r"."_dms_fault" = 0) THEN 'duplicate_key' WHEN ("r"."_dms_fault" = 1) THEN 'null_key' WHEN ("r"."_dms_fault" = 2) THEN 'too_long' WHEN ("r"."_dms_fault" = 3) THEN 'too_long' WHEN ("r"."_dms_fault" = 4) THEN 'too_long' WHEN ("r"."_dms_fault" = 5) THEN 'too_long' END AS "anon_6", CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN "f"."message" WHEN ("r"."_dms_fault" = 0) THEN 'the key has several rows' WHEN ("r"."_dms_fault" = 1) THEN 'a key column is NULL' WHEN ("r"."_dms_fault" = 2) THEN 'the value is longer than varchar(60)' WHEN ("r"."_dms_fault" = 3) THEN 'the value has more than 4000 bytes' WHEN ("r"."_dms_fault" = 4) THEN 'the value is longer than varchar(20)' WHEN ("r"."_dms_fault" = 5) THEN 'the value has more than 4000 bytes' END AS "anon_7", :run_at AS "anon_8" 
FROM "ORA$PTT_DMS_STAGE" "r" LEFT OUTER JOIN "ORA$PTT_DMS_REFUSED" "f" ON "r"."_dms_fault" = -"f"."_dms_number" 
WHERE "r"."_dms_fault" IS NOT NULL

-- define_dms_stage
CREATE PRIVATE TEMPORARY TABLE "ORA$PTT_DMS_STAGE" ("id" NUMBER(19), "name" VARCHAR2(60 CHAR), "photo" BLOB, "price" NUMBER(12,2), "price_now" NUMBER(12,2), "code" VARCHAR2(20 CHAR), "note" CLOB, "_dms_fault" NUMBER(10), "_dms_value" CLOB) ON COMMIT PRESERVE DEFINITION

-- define_dms_delta
CREATE PRIVATE TEMPORARY TABLE "ORA$PTT_DMS_DELTA" ("id" NUMBER(19), "name" VARCHAR2(60 CHAR), "photo" BLOB, "price" NUMBER(12,2), "price_now" NUMBER(12,2), "code" VARCHAR2(20 CHAR), "note" CLOB, "name_previous" VARCHAR2(60 CHAR), "name_since" TIMESTAMP(6), "old_photo" BLOB, "photo_since" TIMESTAMP(6), "_dms_fault" NUMBER(10), "_dms_value" CLOB, "_dms_rid" ROWID, "_dms_class" VARCHAR2(4000 BYTE), "_dms_live" NUMBER(10), "_dms_blocking" TIMESTAMP(6), "_dms_effective" TIMESTAMP(6), "_dms_last_end" TIMESTAMP(6)) ON COMMIT PRESERVE DEFINITION

-- define_dms_numbered
CREATE PRIVATE TEMPORARY TABLE "ORA$PTT_DMS_NUMBERED" ("id" NUMBER(19), "name" VARCHAR2(60 CHAR), "photo" BLOB, "price" NUMBER(12,2), "price_now" NUMBER(12,2), "code" VARCHAR2(20 CHAR), "note" CLOB, "name_previous" VARCHAR2(60 CHAR), "name_since" TIMESTAMP(6), "old_photo" BLOB, "photo_since" TIMESTAMP(6), "_dms_fault" NUMBER(10), "_dms_value" CLOB, "_dms_rid" ROWID, "_dms_class" VARCHAR2(4000 BYTE), "_dms_live" NUMBER(10), "_dms_blocking" TIMESTAMP(6), "_dms_effective" TIMESTAMP(6), "_dms_last_end" TIMESTAMP(6), "_dms_number" NUMBER(19)) ON COMMIT PRESERVE DEFINITION

-- add_rows_rewritten
ALTER TABLE "DWH"."dmsflow_chunk" ADD ("rows_rewritten" NUMBER(19))

-- find_rewritten
SELECT "DWH"."dmsflow_chunk"."rows_rewritten" 
FROM "DWH"."dmsflow_chunk" 
WHERE "DWH"."dmsflow_chunk"."run_id" = :run_id AND "DWH"."dmsflow_chunk"."chunk" = :chunk

-- note_rewritten
UPDATE "DWH"."dmsflow_chunk" SET "rows_rewritten"=:rows_rewritten WHERE "DWH"."dmsflow_chunk"."run_id" = :run_id AND "DWH"."dmsflow_chunk"."chunk" = :chunk
