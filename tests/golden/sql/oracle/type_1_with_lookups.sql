-- create_target
DECLARE found PLS_INTEGER; BEGIN SELECT COUNT(*) INTO found FROM all_objects WHERE owner = 'DWH' AND object_name = 't' AND object_type IN ('TABLE', 'VIEW'); IF found = 0 THEN BEGIN EXECUTE IMMEDIATE 'CREATE TABLE "DWH"."t" ( "t_sk" NUMBER(19) NOT NULL, "id" NUMBER(19) NOT NULL, "then_sk" NUMBER(19,0), "now_sk" NUMBER(19,0), "inserted_at" TIMESTAMP(6), "modified_at" TIMESTAMP(6) )'; EXCEPTION WHEN OTHERS THEN IF SQLCODE <> -955 THEN RAISE; END IF; END; END IF; END;

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
WHERE "s"."id" = "t"."id"))

-- refuse
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", CAST(CASE WHEN ("r"."_dms_fault" = 0) THEN NULL WHEN ("r"."_dms_fault" = 1) THEN 'id' WHEN ("r"."_dms_fault" = 2) THEN 'changed' WHEN ("r"."_dms_fault" = 3) THEN 'then_sk' WHEN ("r"."_dms_fault" = 4) THEN 'then_sk' WHEN ("r"."_dms_fault" = 5) THEN 'now_sk' WHEN ("r"."_dms_fault" = 6) THEN 'now_sk' END AS VARCHAR2(4000)) AS "anon_4", "r"."_dms_value", CASE WHEN ("r"."_dms_fault" = 0) THEN 'duplicate_key' WHEN ("r"."_dms_fault" = 1) THEN 'null_key' WHEN ("r"."_dms_fault" = 2) THEN 'not_storable' WHEN ("r"."_dms_fault" = 3) THEN 'lookup_null' WHEN ("r"."_dms_fault" = 4) THEN 'lookup_miss' WHEN ("r"."_dms_fault" = 5) THEN 'lookup_null' WHEN ("r"."_dms_fault" = 6) THEN 'lookup_miss' END AS "anon_5", CASE WHEN ("r"."_dms_fault" = 0) THEN 'the key has several rows' WHEN ("r"."_dms_fault" = 1) THEN 'a key column is NULL' WHEN ("r"."_dms_fault" = 2) THEN 'the target stores the years 1 to 9999' WHEN ("r"."_dms_fault" = 3) THEN 'one of code, changed is NULL: there is nothing to look up in d' WHEN ("r"."_dms_fault" = 4) THEN 'd has no version that holds then of this key' WHEN ("r"."_dms_fault" = 5) THEN 'one of id, code is NULL: there is nothing to look up in d' WHEN ("r"."_dms_fault" = 6) THEN 'd has no current version of this key' END AS "anon_6", :run_at AS "anon_7" 
FROM "ORA$PTT_DMS_STAGE" "r" 
WHERE "r"."_dms_fault" IS NOT NULL

-- fill
INSERT INTO "DWH"."t" ("id", "then_sk", "now_sk", "t_sk", "inserted_at", "modified_at") SELECT "s"."id" AS "c0", "s"."then_sk" AS "c1", "s"."now_sk" AS "c2", :sk_base + row_number() OVER (ORDER BY NULL) AS "c3", :run_at AS "c4", :run_at AS "c5" 
FROM "ORA$PTT_DMS_STAGE" "s" 
WHERE "s"."_dms_fault" IS NULL

-- classify
INSERT INTO "ORA$PTT_DMS_DELTA" ("id", "then_sk", "now_sk", "_dms_fault", "_dms_value", "_dms_rid", "_dms_class", "_dms_live") SELECT "s"."id" AS "id", "s"."then_sk" AS "then_sk", "s"."now_sk" AS "now_sk", "s"."_dms_fault", "s"."_dms_value", "t"."_dms_rid", CASE WHEN ("s"."_dms_fault" IS NOT NULL) THEN 'fault' WHEN ("t"."_dms_rid" IS NULL) THEN 'new' WHEN (DECODE("s"."then_sk", "t"."then_sk", 0, 1) = 1 OR DECODE("s"."now_sk", "t"."now_sk", 0, 1) = 1) THEN 'update' END AS "_dms_class", CASE WHEN ("t"."_dms_rid" IS NOT NULL) THEN 1 ELSE 0 END AS "_dms_live" 
FROM (SELECT "ORA$PTT_DMS_STAGE"."id" AS "id", "ORA$PTT_DMS_STAGE"."then_sk" AS "then_sk", "ORA$PTT_DMS_STAGE"."now_sk" AS "now_sk", "ORA$PTT_DMS_STAGE"."_dms_look_0_0" AS "_dms_look_0_0", "ORA$PTT_DMS_STAGE"."_dms_look_0_at" AS "_dms_look_0_at", "ORA$PTT_DMS_STAGE"."_dms_look_1_0" AS "_dms_look_1_0", "ORA$PTT_DMS_STAGE"."_dms_look_1_1" AS "_dms_look_1_1", "ORA$PTT_DMS_STAGE"."_dms_fault" AS "_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value" AS "_dms_value", 1 AS "_dms_present" 
FROM "ORA$PTT_DMS_STAGE") "s" LEFT OUTER JOIN (SELECT "c".ROWID AS "_dms_rid", "c"."id" AS "id", "c"."then_sk" AS "then_sk", "c"."now_sk" AS "now_sk" 
FROM "DWH"."t" "c" 
WHERE 1 = 1) "t" ON "s"."id" = "t"."id" 
WHERE "s"."_dms_fault" IS NOT NULL OR "t"."_dms_rid" IS NULL OR DECODE("s"."then_sk", "t"."then_sk", 0, 1) = 1 OR DECODE("s"."now_sk", "t"."now_sk", 0, 1) = 1

-- current_rows
SELECT count(*) AS "count_1" 
FROM "DWH"."t" "t" 
WHERE 1 = 1

-- lookup_0
MERGE INTO "ORA$PTT_DMS_STAGE" USING "DWH"."d" "l" ON ("ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL AND "l"."code" = CAST("ORA$PTT_DMS_STAGE"."_dms_look_0_0" AS CHAR(20 CHAR)) AND "l"."valid_from" <= "ORA$PTT_DMS_STAGE"."_dms_look_0_at" AND ("l"."valid_to" IS NULL OR "ORA$PTT_DMS_STAGE"."_dms_look_0_at" < "l"."valid_to")) WHEN MATCHED THEN UPDATE SET "ORA$PTT_DMS_STAGE"."then_sk" = "l"."d_sk"

-- lookup_0_twice
SELECT count(*) AS "count_1" 
FROM "ORA$PTT_DMS_STAGE" "s" JOIN "DWH"."d" "l" ON "l"."code" = CAST("s"."_dms_look_0_0" AS CHAR(20 CHAR)) AND "l"."valid_from" <= "s"."_dms_look_0_at" AND ("l"."valid_to" IS NULL OR "s"."_dms_look_0_at" < "l"."valid_to") 
WHERE "s"."_dms_fault" IS NULL AND DECODE("s"."then_sk", "l"."d_sk", 0, 1) = 1 AND (EXISTS (SELECT 1 
FROM "DWH"."d" "o" 
WHERE "o"."code" = CAST("s"."_dms_look_0_0" AS CHAR(20 CHAR)) AND "o"."valid_from" <= "s"."_dms_look_0_at" AND ("o"."valid_to" IS NULL OR "s"."_dms_look_0_at" < "o"."valid_to") AND DECODE("o"."d_sk", "l"."d_sk", 0, 1) = 1))

-- lookup_0_unknown
UPDATE "ORA$PTT_DMS_STAGE" SET "then_sk"=-1 WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL AND "ORA$PTT_DMS_STAGE"."then_sk" IS NULL AND (EXISTS (SELECT 1 
FROM "DWH"."d" "u" 
WHERE "u"."d_sk" = -1))

-- lookup_0_refuse
UPDATE "ORA$PTT_DMS_STAGE" SET "_dms_fault"=CASE WHEN ("ORA$PTT_DMS_STAGE"."_dms_look_0_0" IS NULL OR "ORA$PTT_DMS_STAGE"."_dms_look_0_at" IS NULL) THEN 3 ELSE 4 END, "_dms_value"=JSON_OBJECT(KEY 'code' VALUE "ORA$PTT_DMS_STAGE"."_dms_look_0_0", KEY 'changed' VALUE "ORA$PTT_DMS_STAGE"."_dms_look_0_at" NULL ON NULL RETURNING CLOB) WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL AND "ORA$PTT_DMS_STAGE"."then_sk" IS NULL

-- lookup_1
MERGE INTO "ORA$PTT_DMS_STAGE" USING "DWH"."d" "l" ON ("ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL AND "l"."id" = "ORA$PTT_DMS_STAGE"."_dms_look_1_0" AND "l"."code" = CAST("ORA$PTT_DMS_STAGE"."_dms_look_1_1" AS CHAR(20 CHAR)) AND "l"."is_current" = 1) WHEN MATCHED THEN UPDATE SET "ORA$PTT_DMS_STAGE"."now_sk" = "l"."d_sk"

-- lookup_1_twice
SELECT count(*) AS "count_1" 
FROM "ORA$PTT_DMS_STAGE" "s" JOIN "DWH"."d" "l" ON "l"."id" = "s"."_dms_look_1_0" AND "l"."code" = CAST("s"."_dms_look_1_1" AS CHAR(20 CHAR)) AND "l"."is_current" = 1 
WHERE "s"."_dms_fault" IS NULL AND DECODE("s"."now_sk", "l"."d_sk", 0, 1) = 1 AND (EXISTS (SELECT 1 
FROM "DWH"."d" "o" 
WHERE "o"."id" = "s"."_dms_look_1_0" AND "o"."code" = CAST("s"."_dms_look_1_1" AS CHAR(20 CHAR)) AND "o"."is_current" = 1 AND DECODE("o"."d_sk", "l"."d_sk", 0, 1) = 1))

-- lookup_1_refuse
UPDATE "ORA$PTT_DMS_STAGE" SET "_dms_fault"=CASE WHEN ("ORA$PTT_DMS_STAGE"."_dms_look_1_0" IS NULL OR "ORA$PTT_DMS_STAGE"."_dms_look_1_1" IS NULL) THEN 5 ELSE 6 END, "_dms_value"=JSON_OBJECT(KEY 'id' VALUE "ORA$PTT_DMS_STAGE"."_dms_look_1_0", KEY 'code' VALUE "ORA$PTT_DMS_STAGE"."_dms_look_1_1" NULL ON NULL RETURNING CLOB) WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL AND "ORA$PTT_DMS_STAGE"."now_sk" IS NULL

-- last_surrogate_key
SELECT max("DWH"."t"."t_sk") AS "max_1" 
FROM "DWH"."t"

-- find_any
SELECT CASE WHEN (EXISTS (SELECT 1 
FROM "DWH"."t")) THEN 1 ELSE 0 END AS "anon_1" FROM DUAL

-- collapse
DELETE FROM "ORA$PTT_DMS_STAGE" WHERE "ORA$PTT_DMS_STAGE".ROWID IN (SELECT "r"."_dms_rid" 
FROM (SELECT "s"."_dms_rid" AS "_dms_rid", row_number() OVER (PARTITION BY "s"."id", "s"."then_sk", "s"."now_sk" ORDER BY NULL) AS "place" 
FROM (SELECT "ORA$PTT_DMS_STAGE".ROWID AS "_dms_rid", "ORA$PTT_DMS_STAGE"."id" AS "id", "ORA$PTT_DMS_STAGE"."then_sk" AS "then_sk", "ORA$PTT_DMS_STAGE"."now_sk" AS "now_sk", "ORA$PTT_DMS_STAGE"."_dms_look_0_0" AS "_dms_look_0_0", "ORA$PTT_DMS_STAGE"."_dms_look_0_at" AS "_dms_look_0_at", "ORA$PTT_DMS_STAGE"."_dms_look_1_0" AS "_dms_look_1_0", "ORA$PTT_DMS_STAGE"."_dms_look_1_1" AS "_dms_look_1_1", "ORA$PTT_DMS_STAGE"."_dms_fault" AS "_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value" AS "_dms_value" 
FROM "ORA$PTT_DMS_STAGE" 
WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL) "s") "r" 
WHERE "r"."place" > 1)

-- refuse_duplicates
UPDATE "ORA$PTT_DMS_STAGE" SET "_dms_fault"=0, "_dms_value"=NULL WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL AND (EXISTS (SELECT * 
FROM (SELECT "s"."id" AS "id" 
FROM (SELECT "ORA$PTT_DMS_STAGE".ROWID AS "_dms_rid", "ORA$PTT_DMS_STAGE"."id" AS "id", "ORA$PTT_DMS_STAGE"."then_sk" AS "then_sk", "ORA$PTT_DMS_STAGE"."now_sk" AS "now_sk", "ORA$PTT_DMS_STAGE"."_dms_look_0_0" AS "_dms_look_0_0", "ORA$PTT_DMS_STAGE"."_dms_look_0_at" AS "_dms_look_0_at", "ORA$PTT_DMS_STAGE"."_dms_look_1_0" AS "_dms_look_1_0", "ORA$PTT_DMS_STAGE"."_dms_look_1_1" AS "_dms_look_1_1", "ORA$PTT_DMS_STAGE"."_dms_fault" AS "_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value" AS "_dms_value" 
FROM "ORA$PTT_DMS_STAGE" 
WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL) "s" GROUP BY "s"."id" 
HAVING count(*) > 1) "k" 
WHERE "ORA$PTT_DMS_STAGE"."id" = "k"."id"))

-- count_classes
SELECT "ORA$PTT_DMS_DELTA"."_dms_class", count(*) AS "count_1", sum("ORA$PTT_DMS_DELTA"."_dms_live") AS "sum_1" 
FROM "ORA$PTT_DMS_DELTA" GROUP BY "ORA$PTT_DMS_DELTA"."_dms_class"

-- reject
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", CAST(CASE WHEN ("r"."_dms_fault" = 0) THEN NULL WHEN ("r"."_dms_fault" = 1) THEN 'id' WHEN ("r"."_dms_fault" = 2) THEN 'changed' WHEN ("r"."_dms_fault" = 3) THEN 'then_sk' WHEN ("r"."_dms_fault" = 4) THEN 'then_sk' WHEN ("r"."_dms_fault" = 5) THEN 'now_sk' WHEN ("r"."_dms_fault" = 6) THEN 'now_sk' END AS VARCHAR2(4000)) AS "anon_4", "r"."_dms_value", CASE WHEN ("r"."_dms_fault" = 0) THEN 'duplicate_key' WHEN ("r"."_dms_fault" = 1) THEN 'null_key' WHEN ("r"."_dms_fault" = 2) THEN 'not_storable' WHEN ("r"."_dms_fault" = 3) THEN 'lookup_null' WHEN ("r"."_dms_fault" = 4) THEN 'lookup_miss' WHEN ("r"."_dms_fault" = 5) THEN 'lookup_null' WHEN ("r"."_dms_fault" = 6) THEN 'lookup_miss' END AS "anon_5", CASE WHEN ("r"."_dms_fault" = 0) THEN 'the key has several rows' WHEN ("r"."_dms_fault" = 1) THEN 'a key column is NULL' WHEN ("r"."_dms_fault" = 2) THEN 'the target stores the years 1 to 9999' WHEN ("r"."_dms_fault" = 3) THEN 'one of code, changed is NULL: there is nothing to look up in d' WHEN ("r"."_dms_fault" = 4) THEN 'd has no version that holds then of this key' WHEN ("r"."_dms_fault" = 5) THEN 'one of id, code is NULL: there is nothing to look up in d' WHEN ("r"."_dms_fault" = 6) THEN 'd has no current version of this key' END AS "anon_6", :run_at AS "anon_7" 
FROM "ORA$PTT_DMS_DELTA" "r" 
WHERE "r"."_dms_class" IN ('fault') AND ("r"."_dms_fault" IS NULL OR "r"."_dms_fault" >= 0)

-- overwrite
MERGE INTO "DWH"."t" "t" USING "ORA$PTT_DMS_DELTA" "d" ON ("t".ROWID = "d"."_dms_rid" AND "d"."_dms_class" = 'update') WHEN MATCHED THEN UPDATE SET "t"."then_sk" = "d"."then_sk", "t"."now_sk" = "d"."now_sk", "t"."modified_at" = :run_at

-- insert
INSERT INTO "DWH"."t" ("id", "then_sk", "now_sk", "t_sk", "inserted_at", "modified_at") SELECT "d"."id" AS "c0", "d"."then_sk" AS "c1", "d"."now_sk" AS "c2", :sk_base + row_number() OVER (ORDER BY NULL) AS "c3", :run_at AS "c4", :run_at AS "c5" 
FROM "ORA$PTT_DMS_DELTA" "d" 
WHERE "d"."_dms_class" IN ('new', 'version')

-- verify
SELECT 0 AS "doubled", 0 AS "inverted" FROM DUAL

-- number_rows
INSERT INTO "ORA$PTT_DMS_NUMBERED" ("id", "then_sk", "now_sk", "_dms_fault", "_dms_value", "_dms_rid", "_dms_class", "_dms_live", "_dms_number") SELECT "ORA$PTT_DMS_DELTA"."id", "ORA$PTT_DMS_DELTA"."then_sk", "ORA$PTT_DMS_DELTA"."now_sk", "ORA$PTT_DMS_DELTA"."_dms_fault", "ORA$PTT_DMS_DELTA"."_dms_value", "ORA$PTT_DMS_DELTA"."_dms_rid", "ORA$PTT_DMS_DELTA"."_dms_class", "ORA$PTT_DMS_DELTA"."_dms_live", row_number() OVER (ORDER BY "ORA$PTT_DMS_DELTA"."id") AS "_dms_number" 
FROM "ORA$PTT_DMS_DELTA" 
WHERE "ORA$PTT_DMS_DELTA"."_dms_class" IN ('new', 'version', 'update', 'correct')

-- empty_delta
DELETE FROM "ORA$PTT_DMS_DELTA"

-- take_rows
INSERT INTO "ORA$PTT_DMS_DELTA" ("id", "then_sk", "now_sk", "_dms_fault", "_dms_value", "_dms_rid", "_dms_class", "_dms_live") SELECT "n"."id", "n"."then_sk", "n"."now_sk", "n"."_dms_fault", "n"."_dms_value", "n"."_dms_rid", "n"."_dms_class", "n"."_dms_live" 
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
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", "f"."column_name", CASE WHEN ("f"."column_name" = 'id') THEN TO_CLOB(CAST("r"."id" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'then_sk') THEN TO_CLOB(CAST("r"."then_sk" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'now_sk') THEN TO_CLOB(CAST("r"."now_sk" AS VARCHAR2(4000))) END AS "anon_4", "f"."reason", "f"."message", :run_at AS "anon_5" 
FROM "ORA$PTT_DMS_DELTA" "r" JOIN "ORA$PTT_DMS_REFUSED" "f" ON "r"."_dms_fault" = -"f"."_dms_number"

-- refuse_refused
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", JSON_OBJECT(KEY 'id' VALUE "r"."id" NULL ON NULL RETURNING CLOB) AS "json_object_1", CAST(CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN "f"."column_name" WHEN ("r"."_dms_fault" = 0) THEN NULL WHEN ("r"."_dms_fault" = 1) THEN 'id' WHEN ("r"."_dms_fault" = 2) THEN 'changed' WHEN ("r"."_dms_fault" = 3) THEN 'then_sk' WHEN ("r"."_dms_fault" = 4) THEN 'then_sk' WHEN ("r"."_dms_fault" = 5) THEN 'now_sk' WHEN ("r"."_dms_fault" = 6) THEN 'now_sk' END AS VARCHAR2(4000)) AS "anon_4", CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN CASE WHEN ("f"."column_name" = 'id') THEN TO_CLOB(CAST("r"."id" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'then_sk') THEN TO_CLOB(CAST("r"."then_sk" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'now_sk') THEN TO_CLOB(CAST("r"."now_sk" AS VARCHAR2(4000))) END ELSE "r"."_dms_value" END AS "anon_5", CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN "f"."reason" WHEN ("r"."_dms_fault" = 0) THEN 'duplicate_key' WHEN ("r"."_dms_fault" = 1) THEN 'null_key' WHEN ("r"."_dms_fault" = 2) THEN 'not_storable' WHEN ("r"."_dms_fault" = 3) THEN 'lookup_null' WHEN ("r"."_dms_fault" = 4) THEN 'lookup_miss' WHEN ("r"."_dms_fault" = 5) THEN 'lookup_null' WHEN ("r"."_dms_fault" = 6) THEN 'lookup_miss' END AS "anon_6", CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN "f"."message" WHEN ("r"."_dms_fault" = 0) THEN 'the key has several rows' WHEN ("r"."_dms_fault" = 1) THEN 'a key column is NULL' WHEN ("r"."_dms_fault" = 2) THEN 'the target stores the years 1 to 9999' WHEN ("r"."_dms_fault" = 3) THEN 'one of code, changed is NULL: there is nothing to look up in d' WHEN ("r"."_dms_fault" = 4) THEN 'd has no version that holds then of this key' WHEN ("r"."_dms_fault" = 5) THEN 'one of id, code is NULL: there is nothing to look up in d' WHEN ("r"."_dms_fault" = 6) THEN 'd has no current version of this key' END AS "anon_7", :run_at AS "anon_8" 
FROM "ORA$PTT_DMS_STAGE" "r" LEFT OUTER JOIN "ORA$PTT_DMS_REFUSED" "f" ON "r"."_dms_fault" = -"f"."_dms_number" 
WHERE "r"."_dms_fault" IS NOT NULL

-- define_dms_stage
CREATE PRIVATE TEMPORARY TABLE "ORA$PTT_DMS_STAGE" ("id" NUMBER(19), "then_sk" NUMBER(19,0), "now_sk" NUMBER(19,0), "_dms_look_0_0" VARCHAR2(4000 BYTE), "_dms_look_0_at" TIMESTAMP(6), "_dms_look_1_0" NUMBER(19,0), "_dms_look_1_1" VARCHAR2(4000 BYTE), "_dms_fault" NUMBER(10), "_dms_value" CLOB) ON COMMIT PRESERVE DEFINITION

-- define_dms_delta
CREATE PRIVATE TEMPORARY TABLE "ORA$PTT_DMS_DELTA" ("id" NUMBER(19), "then_sk" NUMBER(19,0), "now_sk" NUMBER(19,0), "_dms_fault" NUMBER(10), "_dms_value" CLOB, "_dms_rid" ROWID, "_dms_class" VARCHAR2(4000 BYTE), "_dms_live" NUMBER(10)) ON COMMIT PRESERVE DEFINITION

-- define_dms_numbered
CREATE PRIVATE TEMPORARY TABLE "ORA$PTT_DMS_NUMBERED" ("id" NUMBER(19), "then_sk" NUMBER(19,0), "now_sk" NUMBER(19,0), "_dms_fault" NUMBER(10), "_dms_value" CLOB, "_dms_rid" ROWID, "_dms_class" VARCHAR2(4000 BYTE), "_dms_live" NUMBER(10), "_dms_number" NUMBER(19)) ON COMMIT PRESERVE DEFINITION
