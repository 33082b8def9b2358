"""How long to wait, as an option of a connection writes it: ``30s``, ``1h30m``; 0 sets no limit. Knows no database."""

import re

from dmsflow.errors import ConnectionFailed

Option = str | int | bool

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|min|m|h|d)")


def read_seconds(name: str, key: str, value: Option) -> float:
    """The seconds of an option of this connection. Raises ConnectionFailed where it is no duration."""
    text = str(value).strip()
    parts = PART.findall(text)
    if text == "0":
        return 0.0
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ConnectionFailed(
            f'connection "{name}": {key} is "{text}", which is no duration: write 30s, 5m or 1h30m, or 0 for no limit'
        )
    return sum(float(number) * UNITS[unit] for number, unit in parts)
