-- create_target
DECLARE found PLS_INTEGER; BEGIN SELECT COUNT(*) INTO found FROM all_objects WHERE owner = 'DWH' AND object_name = 't' AND object_type IN ('TABLE', 'VIEW'); IF found = 0 THEN BEGIN EXECUTE IMMEDIATE 'CREATE TABLE "DWH"."t" ( "t_sk" NUMBER(19) NOT NULL, "id" NUMBER(19) NOT NULL, "name" VARCHAR2(60 CHAR), "photo" BLOB, "name_previous" VARCHAR2(60 CHAR), "name_since" TIMESTAMP(6), "old_photo" BLOB, "photo_since" TIMESTAMP(6), "is_deleted" NUMBER(1) NOT NULL, "inserted_at" TIMESTAMP(6), "modified_at" TIMESTAMP(6), CHECK ("is_deleted" IN (0, 1)) )'; EXCEPTION WHEN OTHERS THEN IF SQLCODE <> -955 THEN RAISE; END IF; END; END IF; END;

-- create_unique_index
BEGIN BEGIN EXECUTE IMMEDIATE 'CREATE UNIQUE INDEX "DWH"."t_current_key" ON "DWH"."t" ("id")'; EXCEPTION WHEN OTHERS THEN IF SQLCODE <> -955 THEN RAISE; END IF; END; END;

-- probe
SELECT count(*) AS "count_1", count("s"."id") AS "count_2", count(DISTINCT "s"."id") AS "count_3" 
FROM "ORA$PTT_DMS_STAGE" "s"

-- matched
SELECT count(*) AS "count_1" 
FROM "ORA$PTT_DMS_STAGE" "s" 
WHERE "s"."_dms_fault" IS NULL AND (EXISTS (SELECT * 
FROM "DWH"."t" "t" 
WHERE "s"."id" = "t"."id" AND DECODE("t"."is_deleted", 1, 0, 1) = 1))

-- refuse
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", CAST(CASE WHEN ("r"."_dms_fault" = 0) THEN NULL WHEN ("r"."_dms_fault" = 1) THEN 'id' WHEN ("r"."_dms_fault" = 2) THEN 'name' WHEN ("r"."_dms_fault" = 3) THEN 'name' END AS VARCHAR2(4000)) AS "anon_4", "r"."_dms_value", CASE WHEN ("r"."_dms_fault" = 0) THEN 'duplicate_key' WHEN ("r"."_dms_fault" = 1) THEN 'null_key' WHEN ("r"."_dms_fault" = 2) THEN 'too_long' WHEN ("r"."_dms_fault" = 3) THEN 'too_long' END AS "anon_5", CASE WHEN ("r"."_dms_fault" = 0) THEN 'the key has several rows' WHEN ("r"."_dms_fault" = 1) THEN 'a key column is NULL' WHEN ("r"."_dms_fault" = 2) THEN 'the value is longer than varchar(60)' WHEN ("r"."_dms_fault" = 3) THEN 'the value has more than 4000 bytes' END AS "anon_6", :run_at AS "anon_7" 
FROM "ORA$PTT_DMS_STAGE" "r" 
WHERE "r"."_dms_fault" IS NOT NULL

-- fill
INSERT INTO "DWH"."t" ("id", "name", "photo", "t_sk", "is_deleted", "inserted_at", "modified_at") SELECT "s"."id" AS "c0", "s"."name" AS "c1", "s"."photo" AS "c2", :sk_base + row_number() OVER (ORDER BY NULL) AS "c3", 0 AS "c4", :run_at AS "c5", :run_at AS "c6" 
FROM "ORA$PTT_DMS_STAGE" "s" 
WHERE "s"."_dms_fault" IS NULL

-- classify
INSERT INTO "ORA$PTT_DMS_DELTA" ("id", "name", "photo", "name_previous", "name_since", "old_photo", "photo_since", "_dms_fault", "_dms_value", "_dms_rid", "_dms_class", "_dms_live") SELECT coalesce("s"."id", "t"."id") AS "id", "s"."name" AS "name", "s"."photo" AS "photo", CASE WHEN ("t"."_dms_rid" IS NOT NULL AND DECODE("s"."name", "t"."name", 0, 1) = 1) THEN "t"."name" ELSE "t"."name_previous" END AS "name_previous", CASE WHEN ("t"."_dms_rid" IS NOT NULL AND DECODE("s"."name", "t"."name", 0, 1) = 1) THEN :run_at ELSE "t"."name_since" END AS "name_since", CASE WHEN ("t"."_dms_rid" IS NOT NULL AND (CASE WHEN "s"."photo" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."photo" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."photo", "t"."photo"), 0) <> 0)) THEN "t"."photo" ELSE "t"."old_photo" END AS "old_photo", CASE WHEN ("t"."_dms_rid" IS NOT NULL AND (CASE WHEN "s"."photo" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."photo" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."photo", "t"."photo"), 0) <> 0)) THEN :run_at ELSE "t"."photo_since" END AS "photo_since", "s"."_dms_fault", "s"."_dms_value", "t"."_dms_rid", CASE WHEN ("s"."_dms_present" IS NULL AND DECODE("t"."is_deleted", 1, 0, 1) = 1) THEN 'gone' WHEN ("s"."_dms_fault" IS NOT NULL) THEN 'fault' WHEN ("t"."_dms_rid" IS NULL) THEN 'new' WHEN (DECODE("s"."name", "t"."name", 0, 1) = 1 OR (CASE WHEN "s"."photo" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."photo" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."photo", "t"."photo"), 0) <> 0) OR "t"."is_deleted" = 1) THEN 'update' END AS "_dms_class", CASE WHEN ("t"."_dms_rid" IS NOT NULL AND DECODE("t"."is_deleted", 1, 0, 1) = 1) THEN 1 ELSE 0 END AS "_dms_live" 
FROM (SELECT "ORA$PTT_DMS_STAGE"."id" AS "id", "ORA$PTT_DMS_STAGE"."name" AS "name", "ORA$PTT_DMS_STAGE"."photo" AS "photo", "ORA$PTT_DMS_STAGE"."_dms_fault" AS "_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value" AS "_dms_value", 1 AS "_dms_present" 
FROM "ORA$PTT_DMS_STAGE") "s" FULL OUTER JOIN (SELECT "c".ROWID AS "_dms_rid", "c"."id" AS "id", "c"."name" AS "name", "c"."photo" AS "photo", "c"."name_previous" AS "name_previous", "c"."name_since" AS "name_since", "c"."old_photo" AS "old_photo", "c"."photo_since" AS "photo_since", "c"."is_deleted" AS "is_deleted" 
FROM "DWH"."t" "c" 
WHERE 1 = 1) "t" ON "s"."id" = "t"."id" 
WHERE "s"."_dms_present" IS NULL AND DECODE("t"."is_deleted", 1, 0, 1) = 1 OR "s"."_dms_present" IS NOT NULL AND ("s"."_dms_fault" IS NOT NULL OR "t"."_dms_rid" IS NULL OR DECODE("s"."name", "t"."name", 0, 1) = 1 OR (CASE WHEN "s"."photo" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."photo" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."photo", "t"."photo"), 0) <> 0) OR "t"."is_deleted" = 1)

-- current_rows
SELECT count(*) AS "count_1" 
FROM "DWH"."t" "t" 
WHERE DECODE("t"."is_deleted", 1, 0, 1) = 1

-- last_surrogate_key
SELECT max("DWH"."t"."t_sk") AS "max_1" 
FROM "DWH"."t"

-- find_any
SELECT CASE WHEN (EXISTS (SELECT 1 
FROM "DWH"."t")) THEN 1 ELSE 0 END AS "anon_1" FROM DUAL

-- collapse
DELETE FROM "ORA$PTT_DMS_STAGE" WHERE "ORA$PTT_DMS_STAGE".ROWID IN (SELECT "s"."_dms_rid" 
FROM (SELECT "ORA$PTT_DMS_STAGE".ROWID AS "_dms_rid", "ORA$PTT_DMS_STAGE"."id" AS "id", "ORA$PTT_DMS_STAGE"."name" AS "name", "ORA$PTT_DMS_STAGE"."photo" AS "photo", "ORA$PTT_DMS_STAGE"."_dms_fault" AS "_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value" AS "_dms_value" 
FROM "ORA$PTT_DMS_STAGE" 
WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL) "s" JOIN (SELECT "ORA$PTT_DMS_STAGE".ROWID AS "_dms_rid", "ORA$PTT_DMS_STAGE"."id" AS "id", "ORA$PTT_DMS_STAGE"."name" AS "name", "ORA$PTT_DMS_STAGE"."photo" AS "photo", "ORA$PTT_DMS_STAGE"."_dms_fault" AS "_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value" AS "_dms_value" 
FROM "ORA$PTT_DMS_STAGE" 
WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL) "e" ON "s"."id" = "e"."id" 
WHERE "e"."_dms_rid" < "s"."_dms_rid" AND NOT (DECODE("s"."name", "e"."name", 0, 1) = 1 OR (CASE WHEN "s"."photo" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "e"."photo" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."photo", "e"."photo"), 0) <> 0)))

-- refuse_duplicates
UPDATE "ORA$PTT_DMS_STAGE" SET "_dms_fault"=0, "_dms_value"=NULL WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL AND (EXISTS (SELECT * 
FROM (SELECT "s"."id" AS "id" 
FROM (SELECT "ORA$PTT_DMS_STAGE".ROWID AS "_dms_rid", "ORA$PTT_DMS_STAGE"."id" AS "id", "ORA$PTT_DMS_STAGE"."name" AS "name", "ORA$PTT_DMS_STAGE"."photo" AS "photo", "ORA$PTT_DMS_STAGE"."_dms_fault" AS "_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value" AS "_dms_value" 
FROM "ORA$PTT_DMS_STAGE" 
WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL) "s" GROUP BY "s"."id" 
HAVING count(*) > 1) "k" 
WHERE "ORA$PTT_DMS_STAGE"."id" = "k"."id"))

-- count_classes
SELECT "ORA$PTT_DMS_DELTA"."_dms_class", count(*) AS "count_1", sum("ORA$PTT_DMS_DELTA"."_dms_live") AS "sum_1" 
FROM "ORA$PTT_DMS_DELTA" GROUP BY "ORA$PTT_DMS_DELTA"."_dms_class"

-- reject
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", CAST(CASE WHEN ("r"."_dms_fault" = 0) THEN NULL WHEN ("r"."_dms_fault" = 1) THEN 'id' WHEN ("r"."_dms_fault" = 2) THEN 'name' WHEN ("r"."_dms_fault" = 3) THEN 'name' END AS VARCHAR2(4000)) AS "anon_4", "r"."_dms_value", CASE WHEN ("r"."_dms_fault" = 0) THEN 'duplicate_key' WHEN ("r"."_dms_fault" = 1) THEN 'null_key' WHEN ("r"."_dms_fault" = 2) THEN 'too_long' WHEN ("r"."_dms_fault" = 3) THEN 'too_long' END AS "anon_5", CASE WHEN ("r"."_dms_fault" = 0) THEN 'the key has several rows' WHEN ("r"."_dms_fault" = 1) THEN 'a key column is NULL' WHEN ("r"."_dms_fault" = 2) THEN 'the value is longer than varchar(60)' WHEN ("r"."_dms_fault" = 3) THEN 'the value has more than 4000 bytes' END AS "anon_6", :run_at AS "anon_7" 
FROM "ORA$PTT_DMS_DELTA" "r" 
WHERE "r"."_dms_class" IN ('fault') AND ("r"."_dms_fault" IS NULL OR "r"."_dms_fault" >= 0)

-- overwrite
MERGE INTO "DWH"."t" "t" USING "ORA$PTT_DMS_DELTA" "d" ON ("t".ROWID = "d"."_dms_rid" AND "d"."_dms_class" = 'update') WHEN MATCHED THEN UPDATE SET "t"."name" = "d"."name", "t"."photo" = "d"."photo", "t"."name_previous" = "d"."name_previous", "t"."name_since" = "d"."name_since", "t"."old_photo" = "d"."old_photo", "t"."photo_since" = "d"."photo_since", "t"."is_deleted" = 0, "t"."modified_at" = :run_at

-- insert
INSERT INTO "DWH"."t" ("id", "name", "photo", "name_previous", "name_since", "old_photo", "photo_since", "t_sk", "is_deleted", "inserted_at", "modified_at") SELECT "d"."id" AS "c0", "d"."name" AS "c1", "d"."photo" AS "c2", "d"."name_previous" AS "c3", "d"."name_since" AS "c4", "d"."old_photo" AS "c5", "d"."photo_since" AS "c6", :sk_base + row_number() OVER (ORDER BY NULL) AS "c7", 0 AS "c8", :run_at AS "c9", :run_at AS "c10" 
FROM "ORA$PTT_DMS_DELTA" "d" 
WHERE "d"."_dms_class" IN ('new', 'version')

-- flag_gone
MERGE INTO "DWH"."t" "t" USING "ORA$PTT_DMS_DELTA" "d" ON ("t".ROWID = "d"."_dms_rid" AND "d"."_dms_class" = 'gone') WHEN MATCHED THEN UPDATE SET "t"."is_deleted" = 1, "t"."modified_at" = :run_at

-- verify
SELECT 0 AS "doubled", 0 AS "inverted" FROM DUAL

-- keep_gone
INSERT INTO "DWH"."dmsflow_gone_t" ("run_id", "chunk", "id") SELECT :run_id AS "anon_1", :chunk AS "anon_2", "ORA$PTT_DMS_DELTA"."id" 
FROM "ORA$PTT_DMS_DELTA" 
WHERE "ORA$PTT_DMS_DELTA"."_dms_class" = 'gone'

-- find_gone
INSERT INTO "ORA$PTT_DMS_DELTA" ("id", "_dms_rid", "_dms_class") SELECT "t"."id" AS "id", "t".ROWID AS "_dms_rid", 'gone' AS "_dms_class" 
FROM "DWH"."t" "t" JOIN "DWH"."dmsflow_gone_t" ON "DWH"."dmsflow_gone_t"."id" = "t"."id" 
WHERE "DWH"."dmsflow_gone_t"."run_id" = :run_id AND DECODE("t"."is_deleted", 1, 0, 1) = 1

-- count_gone
SELECT count(*) AS "count_1" 
FROM "ORA$PTT_DMS_DELTA"

-- forget_gone
DELETE FROM "DWH"."dmsflow_gone_t" WHERE "DWH"."dmsflow_gone_t"."run_id" = :run_id

-- current_total
SELECT count(*) AS "count_1" 
FROM "DWH"."t" "t" 
WHERE DECODE("t"."is_deleted", 1, 0, 1) = 1

-- verify_gone
SELECT 0 AS "doubled", 0 AS "inverted" FROM DUAL

-- number_rows
INSERT INTO "ORA$PTT_DMS_NUMBERED" ("id", "name", "photo", "name_previous", "name_since", "old_photo", "photo_since", "_dms_fault", "_dms_value", "_dms_rid", "_dms_class", "_dms_live", "_dms_number") SELECT "ORA$PTT_DMS_DELTA"."id", "ORA$PTT_DMS_DELTA"."name", "ORA$PTT_DMS_DELTA"."photo", "ORA$PTT_DMS_DELTA"."name_previous", "ORA$PTT_DMS_DELTA"."name_since", "ORA$PTT_DMS_DELTA"."old_photo", "ORA$PTT_DMS_DELTA"."photo_since", "ORA$PTT_DMS_DELTA"."_dms_fault", "ORA$PTT_DMS_DELTA"."_dms_value", "ORA$PTT_DMS_DELTA"."_dms_rid", "ORA$PTT_DMS_DELTA"."_dms_class", "ORA$PTT_DMS_DELTA"."_dms_live", row_number() OVER (ORDER BY "ORA$PTT_DMS_DELTA"."id") AS "_dms_number" 
FROM "ORA$PTT_DMS_DELTA" 
WHERE "ORA$PTT_DMS_DELTA"."_dms_class" IN ('new', 'version', 'update', 'correct')

-- empty_delta
DELETE FROM "ORA$PTT_DMS_DELTA"

-- take_rows
INSERT INTO "ORA$PTT_DMS_DELTA" ("id", "name", "photo", "name_previous", "name_since", "old_photo", "photo_since", "_dms_fault", "_dms_value", "_dms_rid", "_dms_class", "_dms_live") SELECT "n"."id", "n"."name", "n"."photo", "n"."name_previous", "n"."name_since", "n"."old_photo", "n"."photo_since", "n"."_dms_fault", "n"."_dms_value", "n"."_dms_rid", "n"."_dms_class", "n"."_dms_live" 
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
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", "f"."column_name", CASE WHEN ("f"."column_name" = 'id') THEN TO_CLOB(CAST("r"."id" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'name') THEN TO_CLOB(CAST("r"."name" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'photo') THEN TO_CLOB(RAWTOHEX(DBMS_LOB.SUBSTR("r"."photo", 2000, 1))) END AS "anon_4", "f"."reason", "f"."message", :run_at AS "anon_5" 
FROM "ORA$PTT_DMS_DELTA" "r" JOIN "ORA$PTT_DMS_REFUSED" "f" ON "r"."_dms_fault" = -"f"."_dms_number"

-- refuse_refused
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", CAST(CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN "f"."column_name" WHEN ("r"."_dms_fault" = 0) THEN NULL WHEN ("r"."_dms_fault" = 1) THEN 'id' WHEN ("r"."_dms_fault" = 2) THEN 'name' WHEN ("r"."_dms_fault" = 3) THEN 'name' END AS VARCHAR2(4000)) AS "anon_4", CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN CASE WHEN ("f"."column_name" = 'id') THEN TO_CLOB(CAST("r"."id" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'name') THEN TO_CLOB(CAST("r"."name" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'photo') THEN TO_CLOB(RAWTOHEX(DBMS_LOB.SUBSTR("r"."photo", 2000, 1))) END ELSE "r"."_dms_value" END AS "anon_5", CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN "f"."reason" WHEN ("r"."_dms_fault" = 0) THEN 'duplicate_key' WHEN ("r"."_dms_fault" = 1) THEN 'null_key' WHEN ("r"."_dms_fault" = 2) THEN 'too_long' WHEN ("r"."_dms_fault" = 3) THEN 'too_long' END AS "anon_6", CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN "f"."message" WHEN ("r"."_dms_fault" = 0) THEN 'the key has several rows' WHEN ("r"."_dms_fault" = 1) THEN 'a key column is NULL' WHEN ("r"."_dms_fault" = 2) THEN 'the value is longer than varchar(60)' WHEN ("r"."_dms_fault" = 3) THEN 'the value has more than 4000 bytes' END AS "anon_7", :run_at AS "anon_8" 
FROM "ORA$PTT_DMS_STAGE" "r" LEFT OUTER JOIN "ORA$PTT_DMS_REFUSED" "f" ON "r"."_dms_fault" = -"f"."_dms_number" 
WHERE "r"."_dms_fault" IS NOT NULL

-- define_dms_stage
CREATE PRIVATE TEMPORARY TABLE "ORA$PTT_DMS_STAGE" ("id" NUMBER(19), "name" VARCHAR2(60 CHAR), "photo" BLOB, "_dms_fault" NUMBER(10), "_dms_value" CLOB) ON COMMIT PRESERVE DEFINITION

-- define_dms_delta
CREATE PRIVATE TEMPORARY TABLE "ORA$PTT_DMS_DELTA" ("id" NUMBER(19), "name" VARCHAR2(60 CHAR), "photo" BLOB, "name_previous" VARCHAR2(60 CHAR), "name_since" TIMESTAMP(6), "old_photo" BLOB, "photo_since" TIMESTAMP(6), "_dms_fault" NUMBER(10), "_dms_value" CLOB, "_dms_rid" ROWID, "_dms_class" VARCHAR2(4000 BYTE), "_dms_live" NUMBER(10)) ON COMMIT PRESERVE DEFINITION

-- define_dms_numbered
CREATE PRIVATE TEMPORARY TABLE "ORA$PTT_DMS_NUMBERED" ("id" NUMBER(19), "name" VARCHAR2(60 CHAR), "photo" BLOB, "name_previous" VARCHAR2(60 CHAR), "name_since" TIMESTAMP(6), "old_photo" BLOB, "photo_since" TIMESTAMP(6), "_dms_fault" NUMBER(10), "_dms_value" CLOB, "_dms_rid" ROWID, "_dms_class" VARCHAR2(4000 BYTE), "_dms_live" NUMBER(10), "_dms_number" NUMBER(19)) ON COMMIT PRESERVE DEFINITION
