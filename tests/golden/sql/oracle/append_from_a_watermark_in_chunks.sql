-- create_target
DECLARE found PLS_INTEGER; BEGIN SELECT COUNT(*) INTO found FROM all_objects WHERE owner = 'DWH' AND object_name = 't' AND object_type IN ('TABLE', 'VIEW'); IF found = 0 THEN BEGIN EXECUTE IMMEDIATE 'CREATE TABLE "DWH"."t" ( "t_sk" NUMBER(19) NOT NULL, "id" NUMBER(19), "name" VARCHAR2(60 CHAR), "price" NUMBER(12,2), "inserted_at" TIMESTAMP(6) )'; EXCEPTION WHEN OTHERS THEN IF SQLCODE <> -955 THEN RAISE; END IF; END; END IF; END;

-- probe
SELECT count(*) AS "count_1", count(*) AS "count_2", count(*) AS "count_3" 
FROM "ORA$PTT_DMS_STAGE" "s"

-- refuse
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", NULL AS "anon_4", CAST(CASE WHEN ("r"."_dms_fault" = 0) THEN NULL WHEN ("r"."_dms_fault" = 1) THEN 'name' WHEN ("r"."_dms_fault" = 2) THEN 'name' WHEN ("r"."_dms_fault" = 3) THEN 'id' END AS VARCHAR2(4000)) AS "anon_5", "r"."_dms_value", CASE WHEN ("r"."_dms_fault" = 0) THEN 'duplicate_key' WHEN ("r"."_dms_fault" = 1) THEN 'too_long' WHEN ("r"."_dms_fault" = 2) THEN 'too_long' WHEN ("r"."_dms_fault" = 3) THEN 'null_checkpoint' END AS "anon_6", CASE WHEN ("r"."_dms_fault" = 0) THEN 'the key has several rows' WHEN ("r"."_dms_fault" = 1) THEN 'the value is longer than varchar(60)' WHEN ("r"."_dms_fault" = 2) THEN 'the value has more than 4000 bytes' WHEN ("r"."_dms_fault" = 3) THEN 'a checkpoint column is NULL' END AS "anon_7", :run_at AS "anon_8" 
FROM "ORA$PTT_DMS_STAGE" "r" 
WHERE "r"."_dms_fault" IS NOT NULL

-- fill
INSERT INTO "DWH"."t" ("id", "name", "price", "t_sk", "inserted_at") SELECT "s"."id" AS "c0", "s"."name" AS "c1", "s"."price" AS "c2", :sk_base + row_number() OVER (ORDER BY NULL) AS "c3", :run_at AS "c4" 
FROM "ORA$PTT_DMS_STAGE" "s" 
WHERE "s"."_dms_fault" IS NULL

-- last_surrogate_key
SELECT max("DWH"."t"."t_sk") AS "max_1" 
FROM "DWH"."t"

-- number_rows
INSERT INTO "ORA$PTT_DMS_NUMBERED" ("id", "name", "price", "_dms_mark_0", "_dms_fault", "_dms_value", "_dms_rid", "_dms_number") SELECT "ORA$PTT_DMS_STAGE"."id", "ORA$PTT_DMS_STAGE"."name", "ORA$PTT_DMS_STAGE"."price", "ORA$PTT_DMS_STAGE"."_dms_mark_0", "ORA$PTT_DMS_STAGE"."_dms_fault", "ORA$PTT_DMS_STAGE"."_dms_value", "ORA$PTT_DMS_STAGE".ROWID AS "_dms_rid", row_number() OVER (ORDER BY NULL) AS "_dms_number" 
FROM "ORA$PTT_DMS_STAGE" 
WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL

-- try_rows
INSERT INTO "DWH"."t" ("id", "name", "price", "t_sk", "inserted_at") SELECT "s"."id" AS "c0", "s"."name" AS "c1", "s"."price" AS "c2", :sk_base + row_number() OVER (ORDER BY NULL) AS "c3", :run_at AS "c4" 
FROM (SELECT "n"."id" AS "id", "n"."name" AS "name", "n"."price" AS "price", "n"."_dms_mark_0" AS "_dms_mark_0", "n"."_dms_fault" AS "_dms_fault", "n"."_dms_value" AS "_dms_value", "n"."_dms_rid" AS "_dms_rid" 
FROM "ORA$PTT_DMS_NUMBERED" "n" 
WHERE "n"."_dms_number" >= :first AND "n"."_dms_number" < :last AND NOT (EXISTS (SELECT * 
FROM "ORA$PTT_DMS_REFUSED" "f" 
WHERE "f"."_dms_number" = "n"."_dms_number"))) "s" 
WHERE "s"."_dms_fault" IS NULL

-- mark_refused
MERGE INTO "ORA$PTT_DMS_STAGE" USING (SELECT "ORA$PTT_DMS_STAGE".ROWID AS "_dms_row", CAST(-"m"."_dms_number" AS INTEGER) AS "v0", NULL AS "v1" 
FROM "ORA$PTT_DMS_STAGE", (SELECT "n"."_dms_rid" AS "_dms_rid", "n"."_dms_number" AS "_dms_number" 
FROM "ORA$PTT_DMS_NUMBERED" "n" JOIN "ORA$PTT_DMS_REFUSED" "f" ON "f"."_dms_number" = "n"."_dms_number") "m" 
WHERE "ORA$PTT_DMS_STAGE"."_dms_fault" IS NULL AND "ORA$PTT_DMS_STAGE".ROWID = "m"."_dms_rid") "u" ON ("ORA$PTT_DMS_STAGE".ROWID = "u"."_dms_row") WHEN MATCHED THEN UPDATE SET "ORA$PTT_DMS_STAGE"."_dms_fault" = "u"."v0", "ORA$PTT_DMS_STAGE"."_dms_value" = "u"."v1"

-- refuse_refused
INSERT INTO "DWH"."dmsflow_reject" ("run_id", "chunk", "pipeline", "row_key", "column_name", "column_value", "reason", "message", "rejected_at") SELECT :run_id AS "anon_1", :chunk AS "anon_2", :pipeline AS "anon_3", NULL AS "anon_4", CAST(CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN "f"."column_name" WHEN ("r"."_dms_fault" = 0) THEN NULL WHEN ("r"."_dms_fault" = 1) THEN 'name' WHEN ("r"."_dms_fault" = 2) THEN 'name' WHEN ("r"."_dms_fault" = 3) THEN 'id' END AS VARCHAR2(4000)) AS "anon_5", CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN CASE WHEN ("f"."column_name" = 'id') THEN TO_CLOB(CAST("r"."id" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'name') THEN TO_CLOB(CAST("r"."name" AS VARCHAR2(4000))) WHEN ("f"."column_name" = 'price') THEN TO_CLOB(CAST("r"."price" AS VARCHAR2(4000))) END ELSE "r"."_dms_value" END AS "anon_6", CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN "f"."reason" WHEN ("r"."_dms_fault" = 0) THEN 'duplicate_key' WHEN ("r"."_dms_fault" = 1) THEN 'too_long' WHEN ("r"."_dms_fault" = 2) THEN 'too_long' WHEN ("r"."_dms_fault" = 3) THEN 'null_checkpoint' END AS "anon_7", CASE WHEN ("f"."_dms_number" IS NOT NULL) THEN "f"."message" WHEN ("r"."_dms_fault" = 0) THEN 'the key has several rows' WHEN ("r"."_dms_fault" = 1) THEN 'the value is longer than varchar(60)' WHEN ("r"."_dms_fault" = 2) THEN 'the value has more than 4000 bytes' WHEN ("r"."_dms_fault" = 3) THEN 'a checkpoint column is NULL' END AS "anon_8", :run_at AS "anon_9" 
FROM "ORA$PTT_DMS_STAGE" "r" LEFT OUTER JOIN "ORA$PTT_DMS_REFUSED" "f" ON "r"."_dms_fault" = -"f"."_dms_number" 
WHERE "r"."_dms_fault" IS NOT NULL

-- define_dms_stage
CREATE PRIVATE TEMPORARY TABLE "ORA$PTT_DMS_STAGE" ("id" NUMBER(19), "name" VARCHAR2(60 CHAR), "price" NUMBER(12,2), "_dms_mark_0" NUMBER(19), "_dms_fault" NUMBER(10), "_dms_value" CLOB) ON COMMIT PRESERVE DEFINITION

-- define_dms_numbered
CREATE PRIVATE TEMPORARY TABLE "ORA$PTT_DMS_NUMBERED" ("id" NUMBER(19), "name" VARCHAR2(60 CHAR), "price" NUMBER(12,2), "_dms_mark_0" NUMBER(19), "_dms_fault" NUMBER(10), "_dms_value" CLOB, "_dms_rid" ROWID, "_dms_number" NUMBER(19)) ON COMMIT PRESERVE DEFINITION
