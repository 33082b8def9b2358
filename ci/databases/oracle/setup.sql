-- The user of the tests: what a target's owner and a source's reader may do (docs/how-to/oracle-permissions.md), and views.
ALTER SESSION SET CONTAINER = FREEPDB1;
CREATE USER dmsflow_test IDENTIFIED BY "secret" QUOTA UNLIMITED ON users;
GRANT CREATE SESSION, CREATE TABLE, CREATE VIEW, CREATE SYNONYM TO dmsflow_test;
GRANT EXECUTE ON SYS.DBMS_FLASHBACK TO dmsflow_test;
