-- create_dmsflow_column
DECLARE found PLS_INTEGER; BEGIN SELECT COUNT(*) INTO found FROM all_objects WHERE owner = 'DWH' AND object_name = 'dmsflow_column' AND object_type IN ('TABLE', 'VIEW'); IF found = 0 THEN BEGIN EXECUTE IMMEDIATE 'CREATE TABLE "DWH"."dmsflow_column" ( "target_table" VARCHAR2(3000 BYTE) NOT NULL, "column_name" VARCHAR2(3000 BYTE) NOT NULL, PRIMARY KEY ("target_table", "column_name") )'; EXCEPTION WHEN OTHERS THEN IF SQLCODE <> -955 THEN RAISE; END IF; END; END IF; END;

-- add_column_name_previous
ALTER TABLE "DWH"."t" ADD ("name_previous" VARCHAR2(60 CHAR))

-- add_column_name_since
ALTER TABLE "DWH"."t" ADD ("name_since" TIMESTAMP(6))

-- add_column_old_photo
ALTER TABLE "DWH"."t" ADD ("old_photo" BLOB)

-- add_column_photo_since
ALTER TABLE "DWH"."t" ADD ("photo_since" TIMESTAMP(6))

-- forget_note_price_now
DELETE FROM "DWH"."dmsflow_column" WHERE "DWH"."dmsflow_column"."target_table" = 'DWH.t' AND "DWH"."dmsflow_column"."column_name" = 'price_now'

-- note_price_now
INSERT INTO "DWH"."dmsflow_column" ("target_table", "column_name") VALUES ('DWH.t', 'price_now')

-- add_column_price_now
ALTER TABLE "DWH"."t" ADD ("price_now" NUMBER(12,2))

-- forget_note_code
DELETE FROM "DWH"."dmsflow_column" WHERE "DWH"."dmsflow_column"."target_table" = 'DWH.t' AND "DWH"."dmsflow_column"."column_name" = 'code'

-- note_code
INSERT INTO "DWH"."dmsflow_column" ("target_table", "column_name") VALUES ('DWH.t', 'code')

-- add_column_code
ALTER TABLE "DWH"."t" ADD ("code" VARCHAR2(20 CHAR))

-- forget_note_note
DELETE FROM "DWH"."dmsflow_column" WHERE "DWH"."dmsflow_column"."target_table" = 'DWH.t' AND "DWH"."dmsflow_column"."column_name" = 'note'

-- note_note
INSERT INTO "DWH"."dmsflow_column" ("target_table", "column_name") VALUES ('DWH.t', 'note')

-- add_column_note
ALTER TABLE "DWH"."t" ADD ("note" CLOB)

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
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", CAST(CASE WHEN ("r"."_dms_fault" = 0) THEN NULL WHEN ("r"."_dms_fault" = 1) THEN 'id' WHEN ("r"."_dms_fault" = 2) THEN 'name' WHEN ("r"."_dms_fault" = 3) THEN 'name' WHEN ("r"."_dms_fault" = 4) THEN 'code' WHEN ("r"."_dms_fault" = 5) THEN 'code' WHEN ("r"."_dms_fault" = 6) THEN 'changed' WHEN ("r"."_dms_fault" = 7) THEN 'changed' WHEN ("r"."_dms_fault" = 8) THEN 'changed' END AS VARCHAR2(4000)) AS "anon_4", "r"."_dms_value", CASE WHEN ("r"."_dms_fault" = 0) THEN 'duplicate_key' WHEN ("r"."_dms_fault" = 1) THEN 'null_key' WHEN ("r"."_dms_fault" = 2) THEN 'too_long' WHEN ("r"."_dms_fault" = 3) THEN 'too_long' WHEN ("r"."_dms_fault" = 4) THEN 'too_long' WHEN ("r"."_dms_fault" = 5) THEN 'too_long' WHEN ("r"."_dms_fault" = 6) THEN 'not_storable' WHEN ("r"."_dms_fault" = 7) THEN 'null_effective' WHEN ("r"."_dms_fault" = 8) THEN 'effective_range' END AS "anon_5", CASE WHEN ("r"."_dms_fault" = 0) THEN 'the key has several rows' WHEN ("r"."_dms_fault" = 1) THEN 'a key column is NULL' WHEN ("r"."_dms_fault" = 2) THEN 'the value is longer than varchar(60)' WHEN ("r"."_dms_fault" = 3) THEN 'the value has more than 4000 bytes' WHEN ("r"."_dms_fault" = 4) THEN 'the value is longer than varchar(20)' WHEN ("r"."_dms_fault" = 5) THEN 'the value has more than 4000 bytes' WHEN ("r"."_dms_fault" = 6) THEN 'the target stores the years 1 to 9999' WHEN ("r"."_dms_fault" = 7) THEN 'the business time is NULL' WHEN ("r"."_dms_fault" = 8) THEN 'the business time is not before the open end' END AS "anon_6", :run_at AS "anon_7" 
FROM "ORA$PTT_DMS_STAGE" "r" 
WHERE "r"."_dms_fault" IS NOT NULL

-- fill
INSERT INTO "DWH"."t" ("id", "name", "photo", "price", "price_now", "code", "note", "t_sk", "valid_from", "valid_to", "is_current", "inserted_at", "modified_at") SELECT "s"."id" AS "c0", "s"."name" AS "c1", "s"."photo" AS "c2", "s"."price" AS "c3", "s"."price_now" AS "c4", "s"."code" AS "c5", "s"."note" AS "c6", :sk_base + row_number() OVER (ORDER BY NULL) AS "c7", "s"."_dms_effective" AS "c8", TIMESTAMP '9999-12-31 00:00:00' AS "c9", 1 AS "c10", :run_at AS "c11", :run_at AS "c12" 
FROM "ORA$PTT_DMS_STAGE" "s" 
WHERE "s"."_dms_fault" IS NULL

-- classify
INSERT INTO "ORA$PTT_DMS_DELTA" ("id", "name", "photo", "price", "price_now", "code", "note", "weight", "active", "born", "seen", "region", "is_deleted", "name_previous", "name_since", "old_photo", "photo_since", "_dms_fault", "_dms_value", "_dms_rid", "_dms_class", "_dms_live", "_dms_blocking", "_dms_effective", "_dms_last_end") SELECT "s"."id" AS "id", "s"."name" AS "name", "s"."photo" AS "photo", "s"."price" AS "price", "s"."price_now" AS "price_now", "s"."code" AS "code", "s"."note" AS "note", "t"."weight" AS "weight", "t"."active" AS "active", "t"."born" AS "born", "t"."seen" AS "seen", "t"."region" AS "region", "t"."is_deleted" AS "is_deleted", CASE WHEN ("t"."_dms_rid" IS NOT NULL AND DECODE("s"."name", "t"."name", 0, 1) = 1) THEN "t"."name" ELSE "t"."name_previous" END AS "name_previous", CASE WHEN ("t"."_dms_rid" IS NOT NULL AND DECODE("s"."name", "t"."name", 0, 1) = 1) THEN "s"."_dms_effective" ELSE "t"."name_since" END AS "name_since", CASE WHEN ("t"."_dms_rid" IS NOT NULL AND (CASE WHEN "s"."photo" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."photo" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."photo", "t"."photo"), 0) <> 0)) THEN "t"."photo" ELSE "t"."old_photo" END AS "old_photo", CASE WHEN ("t"."_dms_rid" IS NOT NULL AND (CASE WHEN "s"."photo" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."photo" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."photo", "t"."photo"), 0) <> 0)) THEN "s"."_dms_effective" ELSE "t"."photo_since" END AS "photo_since", "s"."_dms_fault", "s"."_dms_value", "t"."_dms_rid", CASE WHEN ("s"."_dms_fault" IS NOT NULL) THEN 'fault' WHEN ("t"."_dms_rid" IS NULL) THEN 'new' WHEN ((DECODE("s"."price", "t"."price", 0, 1) = 1 OR DECODE("s"."name", "t"."name", 0, 1) = 1 OR (CASE WHEN "s"."photo" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."photo" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."photo", "t"."photo"), 0) <> 0) OR DECODE("s"."price_now", "t"."price_now", 0, 1) = 1 OR DECODE("s"."code", "t"."code", 0, 1) = 1 OR (CASE WHEN "s"."note" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."note" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."note", "t"."note"), 0) <> 0)) AND "s"."_dms_effective" < "t"."valid_from") THEN 'correct' WHEN (DECODE("s"."price", "t"."price", 0, 1) = 1) THEN CASE WHEN ("s"."_dms_effective" <= "t"."valid_from") THEN 'correct' ELSE 'version' END WHEN (DECODE("s"."name", "t"."name", 0, 1) = 1 OR (CASE WHEN "s"."photo" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."photo" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."photo", "t"."photo"), 0) <> 0) OR DECODE("s"."price_now", "t"."price_now", 0, 1) = 1 OR DECODE("s"."code", "t"."code", 0, 1) = 1 OR (CASE WHEN "s"."note" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."note" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."note", "t"."note"), 0) <> 0)) THEN 'update' END AS "_dms_class", CASE WHEN ("t"."_dms_rid" IS NOT NULL) THEN 1 ELSE 0 END AS "_dms_live", "t"."valid_from" AS "_dms_blocking", "s"."_dms_effective" AS "_dms_effective", CAST(NULL AS TIMESTAMP(6)) AS "_dms_last_end" 
FROM (SELECT "ORA$PTT_DMS_STAGE"."id" AS "id", "ORA$PTT_DMS_STAGE"."name" AS "name", "ORA$PTT_DMS_STAGE"."photo" AS "photo", "ORA$PTT_DMS_STAGE"."price" AS "price", "ORA$PTT_DMS_STAGE"."price_now" AS "price_now", "ORA$PTT_DMS_STAGE"."code" AS "code", "ORA$PTT_DMS_STAGE"."note" AS "note", "ORA$PTT_DMS_STAGE"."_dms_effective" AS "_dms_effective", "ORA$PTT_DMS_STAGE"."_dms_fault" AS "_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value" AS "_dms_value", 1 AS "_dms_present" 
FROM "ORA$PTT_DMS_STAGE") "s" LEFT OUTER JOIN (SELECT "c".ROWID AS "_dms_rid", "c"."id" AS "id", "c"."name" AS "name", "c"."photo" AS "photo", "c"."price" AS "price", "c"."price_now" AS "price_now", "c"."code" AS "code", "c"."note" AS "note", "c"."weight" AS "weight", "c"."active" AS "active", "c"."born" AS "born", "c"."seen" AS "seen", "c"."region" AS "region", "c"."is_deleted" AS "is_deleted", "c"."name_previous" AS "name_previous", "c"."name_since" AS "name_since", "c"."old_photo" AS "old_photo", "c"."photo_since" AS "photo_since", "c"."valid_from" AS "valid_from" 
FROM "DWH"."t" "c" 
WHERE "c"."is_current" = 1) "t" ON "s"."id" = "t"."id" 
WHERE "s"."_dms_fault" IS NOT NULL OR "t"."_dms_rid" IS NULL OR (DECODE("s"."price", "t"."price", 0, 1) = 1 OR DECODE("s"."name", "t"."name", 0, 1) = 1 OR (CASE WHEN "s"."photo" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."photo" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."photo", "t"."photo"), 0) <> 0) OR DECODE("s"."price_now", "t"."price_now", 0, 1) = 1 OR DECODE("s"."code", "t"."code", 0, 1) = 1 OR (CASE WHEN "s"."note" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."note" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."note", "t"."note"), 0) <> 0)) AND "s"."_dms_effective" < "t"."valid_from" OR DECODE("s"."price", "t"."price", 0, 1) = 1 OR DECODE("s"."name", "t"."name", 0, 1) = 1 OR (CASE WHEN "s"."photo" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."photo" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."photo", "t"."photo"), 0) <> 0) OR DECODE("s"."price_now", "t"."price_now", 0, 1) = 1 OR DECODE("s"."code", "t"."code", 0, 1) = 1 OR (CASE WHEN "s"."note" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."note" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."note", "t"."note"), 0) <> 0)

-- current_rows
SELECT count(*) AS "count_1" 
FROM "DWH"."t" "t" 
WHERE "t"."is_current" = 1

-- rewrite
MERGE INTO "DWH"."t" "t" USING (SELECT "t".ROWID AS "_dms_row", "r"."price_now" AS "v0", "r"."code" AS "v1", "r"."note" AS "v2", :run_at AS "v3" 
FROM "DWH"."t" "t", (SELECT "d"."id" AS "id", "d"."price_now" AS "price_now", "d"."code" AS "code", "d"."note" AS "note" 
FROM "ORA$PTT_DMS_DELTA" "d" 
WHERE "d"."_dms_class" IN ('new', 'version', 'update', 'correct')) "r" 
WHERE "r"."id" = "t"."id" AND CASE WHEN ("t"."is_current" != 1) THEN 1 ELSE 0 END = 1 AND (DECODE("r"."price_now", "t"."price_now", 0, 1) = 1 OR DECODE("r"."code", "t"."code", 0, 1) = 1 OR (CASE WHEN "r"."note" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "t"."note" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("r"."note", "t"."note"), 0) <> 0))) "u" ON ("t".ROWID = "u"."_dms_row") WHEN MATCHED THEN UPDATE SET "t"."price_now" = "u"."v0", "t"."code" = "u"."v1", "t"."note" = "u"."v2", "t"."modified_at" = "u"."v3"

-- verify
SELECT count(CASE WHEN ("k"."current" > 1) THEN 1 END) AS "count_1", sum("k"."inverted") AS "sum_1" 
FROM (SELECT count(CASE WHEN ("t"."is_current" = 1) THEN 1 END) AS "current", count(CASE WHEN ("t"."valid_from" >= "t"."valid_to") THEN 1 END) AS "inverted" 
FROM "DWH"."t" "t" 
WHERE EXISTS (SELECT * 
FROM "ORA$PTT_DMS_DELTA" "d" 
WHERE "d"."id" = "t"."id" AND "d"."_dms_class" IN ('new', 'version', 'update', 'gone', 'correct')) GROUP BY "t"."id") "k"

-- last_surrogate_key
SELECT max("DWH"."t"."t_sk") AS "max_1" 
FROM "DWH"."t"

-- find_any
SELECT CASE WHEN (EXISTS (SELECT 1 
FROM "DWH"."t")) THEN 1 ELSE 0 END AS "anon_1" FROM DUAL

-- collapse
DELETE FROM "ORA$PTT_DMS_STAGE" WHERE "ORA$PTT_DMS_STAGE".ROWID IN (SELECT "s"."_dms_rid" 
FROM (SELECT "ORA$PTT_DMS_STAGE".ROWID AS "_dms_rid", "ORA$PTT_DMS_STAGE"."id" AS "id", "ORA$PTT_DMS_STAGE"."name" AS "name", "ORA$PTT_DMS_STAGE"."photo" AS "photo", "ORA$PTT_DMS_STAGE"."price" AS "price", "ORA$PTT_DMS_STAGE"."price_now" AS "price_now", "ORA$PTT_DMS_STAGE"."code" AS "code", "ORA$PTT_DMS_STAGE"."note" AS "note", "ORA$PTT_DMS_STAGE"."_dms_effective" AS "_dms_effective", "ORA$PTT_DMS_STAGE"."_dms_fault" AS "_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value" AS "_dms_value" 
FROM "ORA$PTT_DMS_STAGE" 
WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL) "s" JOIN (SELECT "ORA$PTT_DMS_STAGE".ROWID AS "_dms_rid", "ORA$PTT_DMS_STAGE"."id" AS "id", "ORA$PTT_DMS_STAGE"."name" AS "name", "ORA$PTT_DMS_STAGE"."photo" AS "photo", "ORA$PTT_DMS_STAGE"."price" AS "price", "ORA$PTT_DMS_STAGE"."price_now" AS "price_now", "ORA$PTT_DMS_STAGE"."code" AS "code", "ORA$PTT_DMS_STAGE"."note" AS "note", "ORA$PTT_DMS_STAGE"."_dms_effective" AS "_dms_effective", "ORA$PTT_DMS_STAGE"."_dms_fault" AS "_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value" AS "_dms_value" 
FROM "ORA$PTT_DMS_STAGE" 
WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL) "e" ON "s"."id" = "e"."id" 
WHERE "e"."_dms_rid" < "s"."_dms_rid" AND NOT (DECODE("s"."name", "e"."name", 0, 1) = 1 OR (CASE WHEN "s"."photo" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "e"."photo" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."photo", "e"."photo"), 0) <> 0) OR DECODE("s"."price", "e"."price", 0, 1) = 1 OR DECODE("s"."price_now", "e"."price_now", 0, 1) = 1 OR DECODE("s"."code", "e"."code", 0, 1) = 1 OR (CASE WHEN "s"."note" IS NULL THEN 0 ELSE 1 END <> CASE WHEN "e"."note" IS NULL THEN 0 ELSE 1 END OR NVL(DBMS_LOB.COMPARE("s"."note", "e"."note"), 0) <> 0) OR DECODE("s"."_dms_effective", "e"."_dms_effective", 0, 1) = 1))

-- refuse_duplicates
UPDATE "ORA$PTT_DMS_STAGE" SET "_dms_fault"=0, "_dms_value"=NULL WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL AND (EXISTS (SELECT * 
FROM (SELECT "s"."id" AS "id" 
FROM (SELECT "ORA$PTT_DMS_STAGE".ROWID AS "_dms_rid", "ORA$PTT_DMS_STAGE"."id" AS "id", "ORA$PTT_DMS_STAGE"."name" AS "name", "ORA$PTT_DMS_STAGE"."photo" AS "photo", "ORA$PTT_DMS_STAGE"."price" AS "price", "ORA$PTT_DMS_STAGE"."price_now" AS "price_now", "ORA$PTT_DMS_STAGE"."code" AS "code", "ORA$PTT_DMS_STAGE"."note" AS "note", "ORA$PTT_DMS_STAGE"."_dms_effective" AS "_dms_effective", "ORA$PTT_DMS_STAGE"."_dms_fault" AS "_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value" AS "_dms_value" 
FROM "ORA$PTT_DMS_STAGE" 
WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL) "s" GROUP BY "s"."id" 
HAVING count(*) > 1) "k" 
WHERE "ORA$PTT_DMS_STAGE"."id" = "k"."id"))

-- count_classes
SELECT "ORA$PTT_DMS_DELTA"."_dms_class", count(*) AS "count_1", sum("ORA$PTT_DMS_DELTA"."_dms_live") AS "sum_1" 
FROM "ORA$PTT_DMS_DELTA" GROUP BY "ORA$PTT_DMS_DELTA"."_dms_class"

-- reject
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", CAST(CASE WHEN ("r"."_dms_class" = 'late') THEN NULL WHEN ("r"."_dms_fault" = 0) THEN NULL WHEN ("r"."_dms_fault" = 1) THEN 'id' WHEN ("r"."_dms_fault" = 2) THEN 'name' WHEN ("r"."_dms_fault" = 3) THEN 'name' WHEN ("r"."_dms_fault" = 4) THEN 'code' WHEN ("r"."_dms_fault" = 5) THEN 'code' WHEN ("r"."_dms_fault" = 6) THEN 'changed' WHEN ("r"."_dms_fault" = 7) THEN 'changed' WHEN ("r"."_dms_fault" = 8) THEN 'changed' END AS VARCHAR2(4000)) AS "anon_4", "r"."_dms_value", CASE WHEN ("r"."_dms_class" = 'late') THEN 'late' WHEN ("r"."_dms_fault" = 0) THEN 'duplicate_key' WHEN ("r"."_dms_fault" = 1) THEN 'null_key' WHEN ("r"."_dms_fault" = 2) THEN 'too_long' WHEN ("r"."_dms_fault" = 3) THEN 'too_long' WHEN ("r"."_dms_fault" = 4) THEN 'too_long' WHEN ("r"."_dms_fault" = 5) THEN 'too_long' WHEN ("r"."_dms_fault" = 6) THEN 'not_storable' WHEN ("r"."_dms_fault" = 7) THEN 'null_effective' WHEN ("r"."_dms_fault" = 8) THEN 'effective_range' END AS "anon_5", CASE WHEN ("r"."_dms_class" = 'late') THEN 'older than what the target holds since ' || TO_CHAR("r"."_dms_blocking", 'YYYY-MM-DD HH24:MI:SS.FF6') WHEN ("r"."_dms_fault" = 0) THEN 'the key has several rows' WHEN ("r"."_dms_fault" = 1) THEN 'a key column is NULL' WHEN ("r"."_dms_fault" = 2) THEN 'the value is longer than varchar(60)' WHEN ("r"."_dms_fault" = 3) THEN 'the value has more than 4000 bytes' WHEN ("r"."_dms_fault" = 4) THEN 'the value is longer than varchar(20)' WHEN ("r"."_dms_fault" = 5) THEN 'the value has more than 4000 bytes' WHEN ("r"."_dms_fault" = 6) THEN 'the target stores the years 1 to 9999' WHEN ("r"."_dms_fault" = 7) THEN 'the business time is NULL' WHEN ("r"."_dms_fault" = 8) THEN 'the business time is not before the open end' END AS "anon_6", :run_at AS "anon_7" 
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
MERGE INTO "DWH"."t" "t" USING "ORA$PTT_DMS_DELTA" "d" ON ("t".ROWID = "d"."_dms_rid" AND "d"."_dms_class" = 'correct') WHEN MATCHED THEN UPDATE SET "t"."name" = "d"."name", "t"."photo" = "d"."photo", "t"."price" = "d"."price", "t"."price_now" = "d"."price_now", "t"."code" = "d"."code", "t"."note" = "d"."note", "t"."name_previous" = "d"."name_previous", "t"."name_since" = "d"."name_since", "t"."old_photo" = "d"."old_photo", "t"."photo_since" = "d"."photo_since", "t"."modified_at" = :run_at

-- close
MERGE INTO "DWH"."t" "t" USING "ORA$PTT_DMS_DELTA" "d" ON ("t".ROWID = "d"."_dms_rid" AND "d"."_dms_class" = 'version') WHEN MATCHED THEN UPDATE SET "t"."valid_to" = "d"."_dms_effective", "t"."is_current" = 0, "t"."modified_at" = :run_at

-- overwrite
MERGE INTO "DWH"."t" "t" USING "ORA$PTT_DMS_DELTA" "d" ON ("t".ROWID = "d"."_dms_rid" AND "d"."_dms_class" = 'update') WHEN MATCHED THEN UPDATE SET "t"."name" = "d"."name", "t"."photo" = "d"."photo", "t"."price_now" = "d"."price_now", "t"."code" = "d"."code", "t"."note" = "d"."note", "t"."name_previous" = "d"."name_previous", "t"."name_since" = "d"."name_since", "t"."old_photo" = "d"."old_photo", "t"."photo_since" = "d"."photo_since", "t"."modified_at" = :run_at

-- insert
INSERT INTO "DWH"."t" ("id", "name", "photo", "price", "price_now", "code", "note", "name_previous", "name_since", "old_photo", "photo_since", "t_sk", "valid_from", "valid_to", "is_current", "inserted_at", "modified_at") SELECT "d"."id" AS "c0", "d"."name" AS "c1", "d"."photo" AS "c2", "d"."price" AS "c3", "d"."price_now" AS "c4", "d"."code" AS "c5", "d"."note" AS "c6", "d"."name_previous" AS "c7", "d"."name_since" AS "c8", "d"."old_photo" AS "c9", "d"."photo_since" AS "c10", :sk_base + row_number() OVER (ORDER BY NULL) AS "c11", "d"."_dms_effective" AS "c12", TIMESTAMP '9999-12-31 00:00:00' AS "c13", 1 AS "c14", :run_at AS "c15", :run_at AS "c16" 
FROM "ORA$PTT_DMS_DELTA" "d" 
WHERE "d"."_dms_class" IN ('new')

-- insert_versions
INSERT INTO "DWH"."t" ("id", "name", "photo", "price", "price_now", "code", "note", "weight", "active", "born", "seen", "region", "is_deleted", "name_previous", "name_since", "old_photo", "photo_since", "t_sk", "valid_from", "valid_to", "is_current", "inserted_at", "modified_at") SELECT "d"."id" AS "c0", "d"."name" AS "c1", "d"."photo" AS "c2", "d"."price" AS "c3", "d"."price_now" AS "c4", "d"."code" AS "c5", "d"."note" AS "c6", "d"."weight" AS "c7", "d"."active" AS "c8", "d"."born" AS "c9", "d"."seen" AS "c10", "d"."region" AS "c11", "d"."is_deleted" AS "c12", "d"."name_previous" AS "c13", "d"."name_since" AS "c14", "d"."old_photo" AS "c15", "d"."photo_since" AS "c16", :sk_base + row_number() OVER (ORDER BY NULL) AS "c17", "d"."_dms_effective" AS "c18", TIMESTAMP '9999-12-31 00:00:00' AS "c19", 1 AS "c20", :run_at AS "c21", :run_at AS "c22" 
FROM "ORA$PTT_DMS_DELTA" "d" 
WHERE "d"."_dms_class" IN ('version')

-- number_rows
INSERT INTO "ORA$PTT_DMS_NUMBERED" ("id", "name", "photo", "price", "price_now", "code", "note", "weight", "active", "born", "seen", "region", "is_deleted", "name_previous", "name_since", "old_photo", "photo_since", "_dms_fault", "_dms_value", "_dms_rid", "_dms_class", "_dms_live", "_dms_blocking", "_dms_effective", "_dms_last_end", "_dms_number") SELECT "ORA$PTT_DMS_DELTA"."id", "ORA$PTT_DMS_DELTA"."name", "ORA$PTT_DMS_DELTA"."photo", "ORA$PTT_DMS_DELTA"."price", "ORA$PTT_DMS_DELTA"."price_now", "ORA$PTT_DMS_DELTA"."code", "ORA$PTT_DMS_DELTA"."note", "ORA$PTT_DMS_DELTA"."weight", "ORA$PTT_DMS_DELTA"."active", "ORA$PTT_DMS_DELTA"."born", "ORA$PTT_DMS_DELTA"."seen", "ORA$PTT_DMS_DELTA"."region", "ORA$PTT_DMS_DELTA"."is_deleted", "ORA$PTT_DMS_DELTA"."name_previous", "ORA$PTT_DMS_DELTA"."name_since", "ORA$PTT_DMS_DELTA"."old_photo", "ORA$PTT_DMS_DELTA"."photo_since", "ORA$PTT_DMS_DELTA"."_dms_fault", "ORA$PTT_DMS_DELTA"."_dms_value", "ORA$PTT_DMS_DELTA"."_dms_rid", "ORA$PTT_DMS_DELTA"."_dms_class", "ORA$PTT_DMS_DELTA"."_dms_live", "ORA$PTT_DMS_DELTA"."_dms_blocking", "ORA$PTT_DMS_DELTA"."_dms_effective", "ORA$PTT_DMS_DELTA"."_dms_last_end", row_number() OVER (ORDER BY "ORA$PTT_DMS_DELTA"."id") AS "_dms_number" 
FROM "ORA$PTT_DMS_DELTA" 
WHERE "ORA$PTT_DMS_DELTA"."_dms_class" IN ('new', 'version', 'update', 'correct')

-- empty_delta
DELETE FROM "ORA$PTT_DMS_DELTA"

-- take_rows
INSERT INTO "ORA$PTT_DMS_DELTA" ("id", "name", "photo", "price", "price_now", "code", "note", "weight", "active", "born", "seen", "region", "is_deleted", "name_previous", "name_since", "old_photo", "photo_since", "_dms_fault", "_dms_value", "_dms_rid", "_dms_class", "_dms_live", "_dms_blocking", "_dms_effective", "_dms_last_end") SELECT "n"."id", "n"."name", "n"."photo", "n"."price", "n"."price_now", "n"."code", "n"."note", "n"."weight", "n"."active", "n"."born", "n"."seen", "n"."region", "n"."is_deleted", "n"."name_previous", "n"."name_since", "n"."old_photo", "n"."photo_since", "n"."_dms_fault", "n"."_dms_value", "n"."_dms_rid", "n"."_dms_class", "n"."_dms_live", "n"."_dms_blocking", "n"."_dms_effective", "n"."_dms_last_end" 
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
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", CAST(CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN "f"."column_name" WHEN ("r"."_dms_fault" = 0) THEN NULL WHEN ("r"."_dms_fault" = 1) THEN 'id' WHEN ("r"."_dms_fault" = 2) THEN 'name' WHEN ("r"."_dms_fault" = 3) THEN 'name' WHEN ("r"."_dms_fault" = 4) THEN 'code' WHEN ("r"."_dms_fault" = 5) THEN 'code' WHEN ("r"."_dms_fault" = 6) THEN 'changed' WHEN ("r"."_dms_fault" = 7) THEN 'changed' WHEN ("r"."_dms_fault" = 8) THEN 'changed' END AS VARCHAR2(4000)) AS "anon_4", CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN CASE WHEN ("f"."column_name" = 'id') THEN TO_CLOB(CAST("r"."id" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'name') THEN TO_CLOB(CAST("r"."name" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'photo') THEN TO_CLOB(RAWTOHEX(DBMS_LOB.SUBSTR("r"."photo", 2000, 1))) WHEN ("f"."column_name" = 'price') THEN TO_CLOB(CAST("r"."price" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'price_now') THEN TO_CLOB(CAST("r"."price_now" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'code') THEN TO_CLOB(CAST("r"."code" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'note') THEN "r"."note" END ELSE "r"."_dms_value" END AS "anon_5", CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN "f"."reason" WHEN ("r"."_dms_fault" = 0) THEN 'duplicate_key' WHEN ("r"."_dms_fault" = 1) THEN 'null_key' WHEN ("r"."_dms_fault" = 2) THEN 'too_long' WHEN ("r"."_dms_fault" = 3) THEN 'too_long' WHEN ("r"."_dms_fault" = 4) THEN 'too_long' WHEN ("r"."_dms_fault" = 5) THEN 'too_long' WHEN ("r"."_dms_fault" = 6) THEN 'not_storable' WHEN ("r"."_dms_fault" = 7) THEN 'null_effective' WHEN ("r"."_dms_fault" = 8) THEN 'effective_range' END AS "anon_6", CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN "f"."message" WHEN ("r"."_dms_fault" = 0) THEN 'the key has several rows' WHEN ("r"."_dms_fault" = 1) THEN 'a key column is NULL' WHEN ("r"."_dms_fault" = 2) THEN 'the value is longer than varchar(60)' WHEN ("r"."_dms_fault" = 3) THEN 'the value has more than 4000 bytes' WHEN ("r"."_dms_fault" = 4) THEN 'the value is longer than varchar(20)' WHEN ("r"."_dms_fault" = 5) THEN 'the value has more than 4000 bytes' WHEN ("r"."_dms_fault" = 6) THEN 'the target stores the years 1 to 9999' WHEN ("r"."_dms_fault" = 7) THEN 'the business time is NULL' WHEN ("r"."_dms_fault" = 8) THEN 'the business time is not before the open end' END AS "anon_7", :run_at AS "anon_8" 
FROM "ORA$PTT_DMS_STAGE" "r" LEFT OUTER JOIN "ORA$PTT_DMS_REFUSED" "f" ON "r"."_dms_fault" = -"f"."_dms_number" 
WHERE "r"."_dms_fault" IS NOT NULL

-- define_dms_stage
CREATE PRIVATE TEMPORARY TABLE "ORA$PTT_DMS_STAGE" ("id" NUMBER(19,0), "name" VARCHAR2(60 CHAR), "photo" BLOB, "price" NUMBER(12,2), "price_now" NUMBER(12,2), "code" VARCHAR2(20 CHAR), "note" CLOB, "_dms_effective" TIMESTAMP(6), "_dms_fault" NUMBER(10), "_dms_value" CLOB) ON COMMIT PRESERVE DEFINITION

-- define_dms_delta
CREATE PRIVATE TEMPORARY TABLE "ORA$PTT_DMS_DELTA" ("id" NUMBER(19,0), "name" VARCHAR2(60 CHAR), "photo" BLOB, "price" NUMBER(12,2), "price_now" NUMBER(12,2), "code" VARCHAR2(20 CHAR), "note" CLOB, "weight" BINARY_DOUBLE, "active" NUMBER(1,0), "born" DATE, "seen" TIMESTAMP(6) WITH TIME ZONE, "region" VARCHAR2(10 CHAR), "is_deleted" NUMBER(1,0), "name_previous" VARCHAR2(60 CHAR), "name_since" TIMESTAMP(6), "old_photo" BLOB, "photo_since" TIMESTAMP(6), "_dms_fault" NUMBER(10), "_dms_value" CLOB, "_dms_rid" ROWID, "_dms_class" VARCHAR2(4000 BYTE), "_dms_live" NUMBER(10), "_dms_blocking" TIMESTAMP(6), "_dms_effective" TIMESTAMP(6), "_dms_last_end" TIMESTAMP(6)) ON COMMIT PRESERVE DEFINITION

-- define_dms_numbered
CREATE PRIVATE TEMPORARY TABLE "ORA$PTT_DMS_NUMBERED" ("id" NUMBER(19,0), "name" VARCHAR2(60 CHAR), "photo" BLOB, "price" NUMBER(12,2), "price_now" NUMBER(12,2), "code" VARCHAR2(20 CHAR), "note" CLOB, "weight" BINARY_DOUBLE, "active" NUMBER(1,0), "born" DATE, "seen" TIMESTAMP(6) WITH TIME ZONE, "region" VARCHAR2(10 CHAR), "is_deleted" NUMBER(1,0), "name_previous" VARCHAR2(60 CHAR), "name_since" TIMESTAMP(6), "old_photo" BLOB, "photo_since" TIMESTAMP(6), "_dms_fault" NUMBER(10), "_dms_value" CLOB, "_dms_rid" ROWID, "_dms_class" VARCHAR2(4000 BYTE), "_dms_live" NUMBER(10), "_dms_blocking" TIMESTAMP(6), "_dms_effective" TIMESTAMP(6), "_dms_last_end" TIMESTAMP(6), "_dms_number" NUMBER(19)) ON COMMIT PRESERVE DEFINITION

-- add_rows_rewritten
ALTER TABLE "DWH"."dmsflow_chunk" ADD ("rows_rewritten" NUMBER(19))

-- find_rewritten
SELECT "DWH"."dmsflow_chunk"."rows_rewritten" 
FROM "DWH"."dmsflow_chunk" 
WHERE "DWH"."dmsflow_chunk"."run_id" = :run_id AND "DWH"."dmsflow_chunk"."chunk" = :chunk

-- note_rewritten
UPDATE "DWH"."dmsflow_chunk" SET "rows_rewritten"=:rows_rewritten WHERE "DWH"."dmsflow_chunk"."run_id" = :run_id AND "DWH"."dmsflow_chunk"."chunk" = :chunk

-- forget_columns
DELETE FROM "DWH"."dmsflow_column" WHERE "DWH"."dmsflow_column"."target_table" = :target_table
