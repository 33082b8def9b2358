"""The options of an Oracle connection: where it is, how it is reached, how a session is set up. Opens nothing.

The url is SQLAlchemy's: ``oracle+oracledb://user@host:1521/?service_name=ORCLPDB1``, or ``oracle+oracledb://user@alias``
for a name of tnsnames.ora. What may stand in its query may stand among the options as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from msgspec import Struct

from dmsflow.diagnostics import did_you_mean
from dmsflow.engines.address import Address
from dmsflow.engines.durations import Option, read_seconds
from dmsflow.errors import ConnectionFailed

DEFAULTS: dict[str, Option] = {
    "tcp_connect_timeout": 30,
    "expire_time": 1,
    "stmtcachesize": 60,
}
"""What the driver gets unless the connection says otherwise: a machine that is gone is noticed after minutes."""

TEXTS = (
    "user",
    "service_name",
    "sid",
    "protocol",
    "config_dir",
    "wallet_location",
    "wallet_password",
    "ssl_server_cert_dn",
    "https_proxy",
    "server_type",
    "cclass",
)
NUMBERS = ("expire_time", "retry_count", "retry_delay", "stmtcachesize", "sdu", "https_proxy_port")
SWITCHES = ("ssl_server_dn_match", "events", "externalauth", "disable_oob")
"""Options that the driver takes under these names (ConnectParams and PoolParams), by what they are."""

OWN = ("dsn", "lib_dir", "connect_timeout", "lock_timeout", "statement_timeout")
KNOWN = (*TEXTS, *NUMBERS, *SWITCHES, *OWN)
PORT = 1521
YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")

SETTINGS = {
    "NLS_NUMERIC_CHARACTERS": ".,",
    "NLS_DATE_FORMAT": "YYYY-MM-DD HH24:MI:SS",
    "NLS_TIMESTAMP_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF6",
    "NLS_TIMESTAMP_TZ_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF6TZH:TZM",
    "NLS_LANGUAGE": "AMERICAN",
    "NLS_SORT": "BINARY",
    "NLS_COMP": "BINARY",
    "NLS_LENGTH_SEMANTICS": "CHAR",
    "TIME_ZONE": "+00:00",
}
"""How a session reads, writes and compares values; the same in every one, whatever the client's environment says."""


class Limits(Struct, frozen=True, kw_only=True):
    """How long a session waits, in seconds: for a statement, and DDL for a lock. None leaves it to the server."""

    statement: float | None = None
    lock: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What the driver needs to open a connection. ``client`` are the arguments of thick mode; None is thin mode.

    What may hold a secret has no repr.
    """

    arguments: dict[str, Option] = field(repr=False)
    client: dict[str, str] | None
    limits: Limits
    where: str


def read_address(address: Address) -> Reach:
    """How to reach a database. Raises ConnectionFailed for an option that is none, or is none of its kind."""
    name, parts = address.name, _split_url(address)
    options: dict[str, Option] = dict(parse_qsl(parts.query))
    options |= dict(address.options)
    for key in options:
        if key not in KNOWN:
            help = did_you_mean(key, KNOWN) or f"known are {', '.join(sorted(KNOWN))}"
            raise ConnectionFailed(f'connection "{name}": Oracle has no option "{key}": {help}')
    limits = Limits(
        statement=_seconds(name, options, "statement_timeout"), lock=_seconds(name, options, "lock_timeout")
    )
    arguments: dict[str, Option] = dict(DEFAULTS)
    arguments |= {key: _read_option(name, key, value) for key, value in options.items() if key not in OWN}
    arguments |= _read_place(parts, options)
    if (timeout := _seconds(name, options, "connect_timeout")) is not None:
        arguments["tcp_connect_timeout"] = int(timeout)
    if parts.username:
        arguments.setdefault("user", unquote(parts.username))
    if password := address.password or unquote(parts.password or ""):
        arguments["password"] = password
    if "[" in str(arguments.get("user", "")):
        # A proxy user (user guide, "Proxy Authentication"): a pool of such sessions is not homogeneous.
        arguments["homogeneous"] = False
    place = arguments.get("dsn") or f"{arguments['host']}:{arguments['port']}"
    where = f'connection "{name}" ({"by its dsn" if "(" in str(place) else place})'
    return Reach(arguments=arguments, client=_read_client(options), limits=limits, where=where)


def _split_url(address: Address) -> SplitResult:
    try:
        parts = urlsplit(address.url)
        _ = parts.port
    except ValueError:
        # The message would quote the url.
        raise ConnectionFailed(
            f'connection "{address.name}": the url cannot be read: write oracle+oracledb://user@host:1521/'
            "?service_name=NAME, with %5B and %5D for the brackets of a proxy user"
        ) from None
    return parts


def _read_place(parts: SplitResult, options: Mapping[str, Option]) -> dict[str, Option]:
    """Where the database is: a dsn, an alias of tnsnames.ora, or a host with a service."""
    host, database = parts.hostname or "", unquote(parts.path.strip("/"))
    if "dsn" in options:
        return {"dsn": str(options["dsn"])}
    if "service_name" in options or "sid" in options:
        return {"host": host, "port": parts.port or PORT}
    if database:
        return {"host": host, "port": parts.port or PORT, "service_name": database}
    return {"host": host, "port": parts.port} if parts.port else {"dsn": host}


def _read_option(name: str, key: str, value: Option) -> Option:
    text = str(value).strip()
    if key in NUMBERS and not isinstance(value, bool):
        if text.isdigit():
            return int(text)
        raise ConnectionFailed(f'connection "{name}": {key} is "{text}", which is no whole number')
    if key in SWITCHES:
        if text.lower() in YES or text.lower() in NO:
            return text.lower() in YES
        raise ConnectionFailed(f'connection "{name}": {key} is "{text}": write true or false')
    return text


def _seconds(name: str, options: Mapping[str, Option], key: str) -> float | None:
    return read_seconds(name, key, options[key]) if key in options else None


def _read_client(options: Mapping[str, Option]) -> dict[str, str] | None:
    """Thick mode is asked for by the folder of Oracle's client libraries; an empty one lets the system find them."""
    if "lib_dir" not in options:
        return None
    found = {key: str(options[key]) for key in ("lib_dir", "config_dir") if options.get(key)}
    return found | {"driver_name": "dmsflow"}


def write_settings(limits: Limits) -> list[str]:
    """The statements that make a session ours, one round trip each."""
    assigned = " ".join(f"{key} = '{value}'" for key, value in SETTINGS.items())
    lock = f" DDL_LOCK_TIMEOUT = {round(limits.lock)}" if limits.lock is not None else ""
    return [f"ALTER SESSION SET {assigned}{lock}"]
