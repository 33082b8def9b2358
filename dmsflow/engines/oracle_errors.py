"""What Oracle's errors mean: whether another try helps, and what to do. Runs nothing, and tells no secret.

Codes are the database's (ORA-), the driver's (DPY-) and those of its thick mode (DPI-); the driver replaces some of the
first by its own and keeps the number (user guide, "Catching Exceptions").
"""

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dmsflow.errors import DatabaseError, Interrupted, PermanentError, RowRefused, SnapshotLost, TransientError
from dmsflow.events import redact

if TYPE_CHECKING:
    import oracledb

LOST = (
    *(22, 28, 45, 600, 603, 609, 1012, 1033, 1034, 1041, 1089, 1090, 1092, 2396, 2399, 3111, 3113, 3114, 3122, 3135),
    *(12153, 12170, 12203, 12500, 12514, 12516, 12518, 12519, 12520, 12528, 12537, 12541, 12543, 12545, 12547),
    *(12560, 12570, 12571, 12583, 12637, 12757, 25401, 25402, 25403, 25405, 25408, 27146),
)
"""The session or its server is gone, is starting, or has no room for one more."""

BUSY = (54, 60, 4020, 4021, 4061, 4068, 8176, 8177, 14450, 24761, 25408, 30006)
"""A lock, a deadlock, a serialization failure, a package that was recompiled: the same may succeed when tried again."""

DRIVER_LOST = ("DPY-1001", "DPY-4005", "DPY-4011", "DPY-4033", "DPY-5006", "DPY-6000", "DPY-6005", "DPI-1080")

OUTDATED = (1555, 1466, 8180, 8181, 8186, 22924)
"""The undo of what a query reads is overwritten, the table was altered meanwhile, or the state was never there."""

ABOVE = (604, 2091, 6512, 6550, 12801)
"""An error within SQL that Oracle itself runs, a commit, a block, or a parallel server: what lies under it counts."""

CANCELLED = (1013, 3108)
NO_TIME_LEFT = ("DPY-4024", "DPI-1067")

REASONS = {
    1: "unique",
    1400: "not_null",
    1407: "not_null",
    2290: "check",
    2291: "foreign_key",
    2292: "foreign_key",
    1401: "too_long",
    1461: "too_long",
    12899: "too_long",
    22835: "too_long",
    1426: "overflow",
    1438: "overflow",
    1455: "overflow",
    **dict.fromkeys((1402, 1722, 1465, 6502, 28115, 40441), "refused"),
    **dict.fromkeys((*range(1830, 1867), 1898), "refused"),
}
"""Errors of one row's values: a constraint, a length, a number or a date that is none, a policy or a view's check."""

RAISED = range(20000, 21000)
"""What a trigger raises."""

PERMISSION = (1031, 942, 1950, 1720, 1749, 4043, 6564, 28103, 41900)
LOGON = (1005, 1017, 1045, 12641, 28000, 28001, 28002, 28003, 28040, 28150, 28273, 1004)
SPACE = {
    **dict.fromkeys((1536, 1552), "raise the quota of the owner of the table on that tablespace"),
    **dict.fromkeys((1628, 1630, 1631, 1632, 1652, 1653, 1654, 1688, 1691, 30009), "make room in that tablespace"),
    **dict.fromkeys((30036, 1650), "the undo tablespace is full: make room, or make smaller chunks"),
    **dict.fromkeys((257, 16014), "the archiver is stuck: make room for the archived logs"),
    3150: "raise the quota of the user",
}

TARGET_HELP = "grant it to the user of the connection; how-to/oracle-permissions lists what a load needs"
SOURCE_HELP = (
    "grant READ or SELECT on the table to the user of the connection, and check its name; "
    "how-to/oracle-permissions lists what a source needs"
)

NEXT_STEPS = {
    54: "wait for whoever holds the lock, or end that session",
    60: "chunks of types 0, 1 and 2 that touch the same rows wait for each other: make the ranges chunks of the key",
    4021: "somebody alters the table: wait for the end of it",
    14450: "another session uses that temporary table: give the load a schema of its own",
    1555: "raise UNDO_RETENTION, or the size of the undo tablespace; smaller chunks are read faster",
    1466: "the table was altered while the run read it: apply again",
    8180: "raise UNDO_RETENTION, or the size of the undo tablespace; smaller chunks are read faster",
    1483: "make smaller chunks, or load fewer columns",
    1795: "report this: a list of values is too long for Oracle",
    12899: "make the column longer, or shorten the value with expr",
    2393: "a profile limits what one statement may do: raise CPU_PER_CALL, or make smaller chunks",
    2395: "a profile limits what one statement may do: raise LOGICAL_READS_PER_CALL, or make smaller chunks",
    24816: "report this: a long value was bound before a short one",
    32795: "the column is GENERATED ALWAYS: leave it out under columns",
    54013: "the column is virtual: leave it out under columns",
    1779: "load into the table that the view is made of",
    1732: "load into the table that the view is made of",
    16000: "connect to the primary database: a standby takes no rows",
    16224: "connect to the primary database: a standby takes no rows",
    1456: "a source is only read: name another connection for the target",
    8182: "a source is only read: name another connection for the target",
    1000: "raise OPEN_CURSORS, or lower the option stmtcachesize",
}
NEXT_STEPS |= SPACE

OPENING = (
    (("ORA-01017", "ORA-01005", "DPY-4001"), "check the user and the password of the connection"),
    (("ORA-28000",), "the account is locked: ask its administrator to unlock it"),
    (("ORA-28001",), "the password has expired: change it"),
    (("ORA-01045",), "grant CREATE SESSION to the user"),
    (("ORA-28150",), "let the session user be reached: ALTER USER ... GRANT CONNECT THROUGH the user of the url"),
    (("ORA-12514", "DPY-6001"), "check service_name; lsnrctl services lists what the listener knows"),
    (("ORA-12505", "DPY-6003"), "check sid; most databases are reached by service_name"),
    (("ORA-12154", "DPY-4000", "DPY-4026", "DPY-4027"), "check the alias, and that config_dir holds tnsnames.ora"),
    (
        ("DPI-1047", "DPI-1072"),
        "check lib_dir: it is the folder of Oracle Instant Client; without it no client is needed",
    ),
    (("DPY-2019", "DPY-2017"), "thick mode counts for the whole process: give lib_dir to all connections, or to none"),
    (("DPY-3010",), "this server is too old for thin mode: give lib_dir the folder of an Oracle client"),
    (("DPY-3015",), "the password is stored in a form that is too old for thin mode: set it anew, or give lib_dir"),
    (("DPY-3001", "ORA-12660"), "the server wants native network encryption: use TCPS, or give lib_dir"),
    (("DPY-6002", "DPY-6006", "ORA-29024", "ORA-28759", "DPY-2018"), "check wallet_location and ssl_server_dn_match"),
    (
        ("DPY-6005", "DPY-6000", "ORA-12541", "ORA-12545", "ORA-12170"),
        "check host and port, and that the server runs",
    ),
)
"""What is said when a connection fails, and what to do; the first that is found counts."""

HELP = re.compile(r"\s*Help: https?://\S+")
NAMED = re.compile(r'"(?:[^"]*)"\."(?:[^"]*)"\."([^"]*)"')
LISTED = re.compile(r"columns? \(([^,)]+)\)")
NUMBER = re.compile(r"ORA-(\d{5})")


class Place(Struct, frozen=True, kw_only=True):
    """Where an error arose: the connection, and whether it reads a source."""

    name: str
    reads: bool


class Told(Struct, frozen=True, kw_only=True):
    """What the driver tells of an error: the database's number, 0 for one of its own; its code; the words."""

    number: int
    code: str
    words: str


def read_error(error: "oracledb.Error") -> Told:
    """The error object of the driver; the number of the first cause in a stack of errors."""
    found = error.args[0] if error.args else None
    words = HELP.sub("", str(getattr(found, "message", None) or error))
    number, code = int(getattr(found, "code", 0) or 0), str(getattr(found, "full_code", "") or "")
    stack = [int(it) for it in NUMBER.findall(words)]
    if number in ABOVE and len(stack) > 1:
        number = next((it for it in stack if it not in ABOVE), number)
    return Told(number=number, code=code, words=redact(" ".join(words.split())))


def judge(error: "oracledb.Error", place: Place, *, lost: bool = False, hurried: bool = False) -> DatabaseError:
    """The driver's error in dmsflow's classes."""
    told = read_error(error)
    if told.number in CANCELLED and hurried:
        return Interrupted("the run was stopped at once")
    step = _next_step(told, place)
    text = f'connection "{place.name}": {told.words}{f": {step}" if step else ""}'
    if is_lost(told) or lost:
        return TransientError(text)
    if told.number in REASONS or told.number in RAISED:
        reason = REASONS.get(told.number, "refused")
        return RowRefused(text, reason=reason, told=told.words, column=_refused_column(told.words))
    if told.number in OUTDATED:
        return SnapshotLost(text)
    return TransientError(text) if told.number in BUSY else PermanentError(text)


def is_lost(told: Told) -> bool:
    """Whether the session is gone."""
    return told.code in DRIVER_LOST or told.number in LOST


def _refused_column(words: str) -> str | None:
    """The column that the server names."""
    found = NAMED.search(words) or LISTED.search(words)
    return found[1].strip() if found else None


def _next_step(told: Told, place: Place) -> str | None:
    if told.code in NO_TIME_LEFT:
        return "raise the option statement_timeout of the connection, or make smaller chunks"
    if told.number in CANCELLED:
        return "somebody cancelled the statement; apply again to go on"
    if told.number in PERMISSION or "PLS-00201" in told.words:
        return SOURCE_HELP if place.reads else TARGET_HELP
    if told.number in LOGON:
        return next((step for codes, step in OPENING if f"ORA-{told.number:05}" in codes), None)
    return NEXT_STEPS.get(told.number)


def explain_open(where: str, error: "oracledb.Error") -> str:
    """Why a server cannot be reached, and what to do."""
    said = read_error(error).words
    step = next((step for codes, step in OPENING if any(code in said for code in codes)), None)
    return f"cannot open {where}: {said}: {step or 'check address, user and options'}"
