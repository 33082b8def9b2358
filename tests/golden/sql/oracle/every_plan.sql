-- create_dmsflow_chunk
DECLARE found PLS_INTEGER; BEGIN SELECT COUNT(*) INTO found FROM all_objects WHERE owner = 'DWH' AND object_name = 'dmsflow_chunk' AND object_type IN ('TABLE', 'VIEW'); IF found = 0 THEN BEGIN EXECUTE IMMEDIATE 'CREATE TABLE "DWH"."dmsflow_chunk" ( "run_id" VARCHAR2(3000 BYTE) NOT NULL, "chunk" NUMBER(10) NOT NULL, "pipeline" VARCHAR2(4000 BYTE), "target_table" VARCHAR2(4000 BYTE), "rows_read" NUMBER(19), "rows_inserted" NUMBER(19), "rows_versioned" NUMBER(19), "rows_updated" NUMBER(19), "rows_unchanged" NUMBER(19), "rows_collapsed" NUMBER(19), "rows_rejected" NUMBER(19), "rows_closed" NUMBER(19), "started_at" TIMESTAMP(6), "finished_at" TIMESTAMP(6), "run_ended_at" TIMESTAMP(6), "fingerprint" VARCHAR2(4000 BYTE), "rows_rewritten" NUMBER(19), PRIMARY KEY ("run_id", "chunk") )'; EXCEPTION WHEN OTHERS THEN IF SQLCODE <> -955 THEN RAISE; END IF; END; END IF; END;

-- create_dmsflow_checkpoint
DECLARE found PLS_INTEGER; BEGIN SELECT COUNT(*) INTO found FROM all_objects WHERE owner = 'DWH' AND object_name = 'dmsflow_checkpoint' AND object_type IN ('TABLE', 'VIEW'); IF found = 0 THEN BEGIN EXECUTE IMMEDIATE 'CREATE TABLE "DWH"."dmsflow_checkpoint" ( "pipeline" VARCHAR2(4000 BYTE) NOT NULL, "watermark" VARCHAR2(4000 BYTE), "run_id" VARCHAR2(4000 BYTE), "run_at" TIMESTAMP(6), "spec_digest" VARCHAR2(4000 BYTE), PRIMARY KEY ("pipeline") )'; EXCEPTION WHEN OTHERS THEN IF SQLCODE <> -955 THEN RAISE; END IF; END; END IF; END;

-- create_dmsflow_checkpoint_history
DECLARE found PLS_INTEGER; BEGIN SELECT COUNT(*) INTO found FROM all_objects WHERE owner = 'DWH' AND object_name = 'dmsflow_checkpoint_history' AND object_type IN ('TABLE', 'VIEW'); IF found = 0 THEN BEGIN EXECUTE IMMEDIATE 'CREATE TABLE "DWH"."dmsflow_checkpoint_history" ( "pipeline" VARCHAR2(4000 BYTE), "watermark_before" VARCHAR2(4000 BYTE), "watermark_after" VARCHAR2(4000 BYTE), "cause" VARCHAR2(4000 BYTE), "run_id" VARCHAR2(4000 BYTE), "changed_by" VARCHAR2(4000 BYTE), "changed_at" TIMESTAMP(6) )'; EXCEPTION WHEN OTHERS THEN IF SQLCODE <> -955 THEN RAISE; END IF; END; END IF; END;

-- create_dmsflow_reject
DECLARE found PLS_INTEGER; BEGIN SELECT COUNT(*) INTO found FROM all_objects WHERE owner = 'DWH' AND object_name = 'dmsflow_reject' AND object_type IN ('TABLE', 'VIEW'); IF found = 0 THEN BEGIN EXECUTE IMMEDIATE 'CREATE TABLE "DWH"."dmsflow_reject" ( "run_id" VARCHAR2(4000 BYTE), "chunk" NUMBER(10), "pipeline" VARCHAR2(4000 BYTE), "row_key" CLOB, "column_name" VARCHAR2(4000 BYTE), "column_value" CLOB, "reason" VARCHAR2(4000 BYTE), "message" CLOB, "rejected_at" TIMESTAMP(6) )'; EXCEPTION WHEN OTHERS THEN IF SQLCODE <> -955 THEN RAISE; END IF; END; END IF; END;

-- create_dmsflow_lease
DECLARE found PLS_INTEGER; BEGIN SELECT COUNT(*) INTO found FROM all_objects WHERE owner = 'DWH' AND object_name = 'dmsflow_lease' AND object_type IN ('TABLE', 'VIEW'); IF found = 0 THEN BEGIN EXECUTE IMMEDIATE 'CREATE TABLE "DWH"."dmsflow_lease" ( "target_table" VARCHAR2(4000 BYTE) NOT NULL, "run_id" VARCHAR2(4000 BYTE), "pipeline" VARCHAR2(4000 BYTE), "host" VARCHAR2(4000 BYTE), "pid" NUMBER(19), "since" TIMESTAMP(6), "heartbeat_at" TIMESTAMP(6), PRIMARY KEY ("target_table") )'; EXCEPTION WHEN OTHERS THEN IF SQLCODE <> -955 THEN RAISE; END IF; END; END IF; END;

-- create_dmsflow_terms
DECLARE found PLS_INTEGER; BEGIN SELECT COUNT(*) INTO found FROM all_objects WHERE owner = 'DWH' AND object_name = 'dmsflow_terms' AND object_type IN ('TABLE', 'VIEW'); IF found = 0 THEN BEGIN EXECUTE IMMEDIATE 'CREATE TABLE "DWH"."dmsflow_terms" ( "pipeline" VARCHAR2(3000 BYTE) NOT NULL, "target_table" VARCHAR2(3000 BYTE) NOT NULL, "terms" CLOB, "run_id" VARCHAR2(4000 BYTE), PRIMARY KEY ("pipeline", "target_table") )'; EXCEPTION WHEN OTHERS THEN IF SQLCODE <> -955 THEN RAISE; END IF; END; END IF; END;

-- check_deferred
SET CONSTRAINTS ALL IMMEDIATE

-- count_numbered
SELECT count(*) AS "count_1" 
FROM "ORA$PTT_DMS_NUMBERED"

-- note_refused
INSERT INTO "ORA$PTT_DMS_REFUSED" ("_dms_number", "reason", "column_name", "message") VALUES (:refused_number, :reason, :column_name, :message)

-- discard_temporaries
BEGIN BEGIN EXECUTE IMMEDIATE 'DROP TABLE "ORA$PTT_DMS_STAGE"'; EXCEPTION WHEN OTHERS THEN IF SQLCODE <> -942 THEN RAISE; END IF; END; BEGIN EXECUTE IMMEDIATE 'DROP TABLE "ORA$PTT_DMS_DELTA"'; EXCEPTION WHEN OTHERS THEN IF SQLCODE <> -942 THEN RAISE; END IF; END; BEGIN EXECUTE IMMEDIATE 'DROP TABLE "ORA$PTT_DMS_NUMBERED"'; EXCEPTION WHEN OTHERS THEN IF SQLCODE <> -942 THEN RAISE; END IF; END; BEGIN EXECUTE IMMEDIATE 'DROP TABLE "ORA$PTT_DMS_REFUSED"'; EXCEPTION WHEN OTHERS THEN IF SQLCODE <> -942 THEN RAISE; END IF; END; END;

-- define_dms_refused
CREATE PRIVATE TEMPORARY TABLE "ORA$PTT_DMS_REFUSED" ("_dms_number" NUMBER(19), "reason" VARCHAR2(4000 BYTE), "column_name" VARCHAR2(4000 BYTE), "message" VARCHAR2(4000 BYTE)) ON COMMIT PRESERVE DEFINITION

-- find_mark
SELECT "DWH"."dmsflow_chunk"."rows_read", "DWH"."dmsflow_chunk"."rows_inserted", "DWH"."dmsflow_chunk"."rows_versioned", "DWH"."dmsflow_chunk"."rows_updated", "DWH"."dmsflow_chunk"."rows_unchanged", "DWH"."dmsflow_chunk"."rows_collapsed", "DWH"."dmsflow_chunk"."rows_rejected", "DWH"."dmsflow_chunk"."rows_closed" 
FROM "DWH"."dmsflow_chunk" 
WHERE "DWH"."dmsflow_chunk"."run_id" = :run_id AND "DWH"."dmsflow_chunk"."chunk" = :chunk

-- begin_mark
INSERT INTO "DWH"."dmsflow_chunk" ("run_id", "chunk", "pipeline", "target_table", "started_at") VALUES (:run_id, :chunk, :pipeline, :target_table, :started_at)

-- complete_mark
UPDATE "DWH"."dmsflow_chunk" SET "rows_read"=:rows_read, "rows_inserted"=:rows_inserted, "rows_versioned"=:rows_versioned, "rows_updated"=:rows_updated, "rows_unchanged"=:rows_unchanged, "rows_collapsed"=:rows_collapsed, "rows_rejected"=:rows_rejected, "rows_closed"=:rows_closed, "finished_at"=:finished_at WHERE "DWH"."dmsflow_chunk"."run_id" = :run_id AND "DWH"."dmsflow_chunk"."chunk" = :chunk

-- note_closed
UPDATE "DWH"."dmsflow_chunk" SET "rows_closed"=:rows_closed WHERE "DWH"."dmsflow_chunk"."run_id" = :run_id AND "DWH"."dmsflow_chunk"."chunk" = :chunk

-- count_closed
SELECT sum("DWH"."dmsflow_chunk"."rows_closed") AS "sum_1" 
FROM "DWH"."dmsflow_chunk" 
WHERE "DWH"."dmsflow_chunk"."run_id" = :run_id

-- find_broken_off
SELECT "DWH"."dmsflow_chunk"."run_id", count(*) AS "count_1" 
FROM "DWH"."dmsflow_chunk" 
WHERE "DWH"."dmsflow_chunk"."pipeline" = :pipeline AND "DWH"."dmsflow_chunk"."target_table" = :target_table AND "DWH"."dmsflow_chunk"."run_ended_at" IS NULL AND "DWH"."dmsflow_chunk"."run_id" != :run_id GROUP BY "DWH"."dmsflow_chunk"."run_id"

-- end_marks
UPDATE "DWH"."dmsflow_chunk" SET "run_ended_at"=:run_ended_at WHERE "DWH"."dmsflow_chunk"."pipeline" = :pipeline AND "DWH"."dmsflow_chunk"."target_table" = :target_table AND "DWH"."dmsflow_chunk"."run_ended_at" IS NULL

-- note_checkpoint
INSERT INTO "DWH"."dmsflow_checkpoint_history" ("pipeline", "watermark_before", "watermark_after", "cause", "run_id", "changed_by", "changed_at") SELECT :pipeline AS "anon_1", (SELECT "DWH"."dmsflow_checkpoint"."watermark" 
FROM "DWH"."dmsflow_checkpoint" 
WHERE "DWH"."dmsflow_checkpoint"."pipeline" = :pipeline) AS "anon_2", :watermark AS "anon_3", :cause AS "anon_4", :run_id AS "anon_5", :changed_by AS "anon_6", :changed_at AS "anon_7" FROM DUAL 
WHERE DECODE((SELECT "DWH"."dmsflow_checkpoint"."watermark" 
FROM "DWH"."dmsflow_checkpoint" 
WHERE "DWH"."dmsflow_checkpoint"."pipeline" = :pipeline), :watermark, 0, 1) = 1

-- find_checkpoint
SELECT "DWH"."dmsflow_checkpoint"."watermark", "DWH"."dmsflow_checkpoint"."run_id", "DWH"."dmsflow_checkpoint"."run_at" 
FROM "DWH"."dmsflow_checkpoint" 
WHERE "DWH"."dmsflow_checkpoint"."pipeline" = :pipeline

-- forget_checkpoint
DELETE FROM "DWH"."dmsflow_checkpoint" WHERE "DWH"."dmsflow_checkpoint"."pipeline" = :pipeline

-- write_checkpoint
INSERT INTO "DWH"."dmsflow_checkpoint" ("pipeline", "watermark", "run_id", "run_at", "spec_digest") VALUES (:pipeline, :watermark, :run_id, :run_at, :spec_digest)

-- find_lease
SELECT "DWH"."dmsflow_lease"."run_id", "DWH"."dmsflow_lease"."pipeline", "DWH"."dmsflow_lease"."host", "DWH"."dmsflow_lease"."pid", "DWH"."dmsflow_lease"."since", "DWH"."dmsflow_lease"."heartbeat_at" 
FROM "DWH"."dmsflow_lease" 
WHERE "DWH"."dmsflow_lease"."target_table" = :target_table

-- take_lease
INSERT INTO "DWH"."dmsflow_lease" ("target_table", "run_id", "pipeline", "host", "pid", "since", "heartbeat_at") VALUES (:target_table, :run_id, :pipeline, :host, :pid, :since, :heartbeat_at)

-- beat_lease
UPDATE "DWH"."dmsflow_lease" SET "heartbeat_at"=:heartbeat_at WHERE "DWH"."dmsflow_lease"."target_table" = :target_table AND "DWH"."dmsflow_lease"."run_id" = :run_id

-- release_lease
DELETE FROM "DWH"."dmsflow_lease" WHERE "DWH"."dmsflow_lease"."target_table" = :target_table AND "DWH"."dmsflow_lease"."run_id" = :run_id

-- find_last_run
SELECT "DWH"."dmsflow_chunk"."run_id", sum("DWH"."dmsflow_chunk"."rows_read") AS "sum_1" 
FROM "DWH"."dmsflow_chunk" JOIN "DWH"."dmsflow_checkpoint" ON "DWH"."dmsflow_chunk"."run_id" = "DWH"."dmsflow_checkpoint"."run_id" 
WHERE "DWH"."dmsflow_checkpoint"."pipeline" = :pipeline AND "DWH"."dmsflow_chunk"."target_table" = :target_table GROUP BY "DWH"."dmsflow_chunk"."run_id"

-- find_terms
SELECT "DWH"."dmsflow_terms"."terms", "DWH"."dmsflow_terms"."run_id" 
FROM "DWH"."dmsflow_terms" 
WHERE "DWH"."dmsflow_terms"."pipeline" = :pipeline AND "DWH"."dmsflow_terms"."target_table" = :target_table

-- forget_terms
DELETE FROM "DWH"."dmsflow_terms" WHERE "DWH"."dmsflow_terms"."pipeline" = :pipeline AND "DWH"."dmsflow_terms"."target_table" = :target_table

-- write_terms
INSERT INTO "DWH"."dmsflow_terms" ("pipeline", "target_table", "terms", "run_id") VALUES (:pipeline, :target_table, :terms, :run_id)

-- clock
SELECT CAST(SYS_EXTRACT_UTC(SYSTIMESTAMP) AS TIMESTAMP(6)) FROM DUAL
