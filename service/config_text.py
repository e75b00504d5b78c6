"""The kinds of text that a configuration holds: durations, names, addresses, paths. Pure."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from service.config_problem import Rule, mistake
from service.duration import parse_duration

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_HOST_PORT = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):(\d{1,5})")
_SOCKET_PATH_BYTES = 107  # sun_path without its closing NUL, unix(7)
_HIGHEST_PORT = 65535
NAME_REMEDY = "use at most 31 lower-case letters, digits and hyphens, a letter first"


def _duration(value: Any) -> Any:
    try:
        return parse_duration(value)
    except OverflowError:
        raise mistake(Rule.BAD_DURATION, f'"{value}" is too long', "write a shorter duration") from None
    except ValueError:
        remedy = 'write a number with its unit, for example "90s", "5m", "1h30m" or "2d"'
        seen = f'"{value}"' if isinstance(value, str) else str(value)
        raise mistake(Rule.BAD_DURATION, f"{seen} is not a duration", remedy) from None


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise mistake(Rule.ZERO_DURATION, "no time at all", 'write a duration longer than "0s"')
    return value


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise mistake(Rule.BAD_NAME, f'"{value}" cannot be a name', NAME_REMEDY)
    return value


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        remedy = "write it without display name, such as probe@example.org"
        raise mistake(Rule.BAD_ADDRESS, f'"{value}" is not a mail address', remedy)
    return value


def split_host_port(value: str) -> tuple[str, int]:
    """Return host and port of "host:port" or "[::1]:port"."""
    host, _, port = value.rpartition(":")
    return host.strip("[]"), int(port)


def _host_port(value: str) -> str:
    found = _HOST_PORT.fullmatch(value)
    if not found or int(found[2]) > _HIGHEST_PORT:
        remedy = 'write "127.0.0.1:8520", "host.example.org:443" or "[::1]:8520"'
        raise mistake(Rule.BAD_HOST_PORT, f'"{value}" is not host:port', remedy)
    return value


def _absolute(value: Path) -> Path:
    if not value.is_absolute():
        raise mistake(Rule.RELATIVE_PATH, f'"{value}" is a relative path', "write the whole path, beginning with /")
    return value


def _socket(value: Path) -> Path:
    if len(bytes(value)) > _SOCKET_PATH_BYTES:
        remedy = f"a socket's path has at most {_SOCKET_PATH_BYTES} bytes, unix(7); use a shorter one"
        raise mistake(Rule.LONG_SOCKET_PATH, f"the path has {len(bytes(value))} bytes", remedy)
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
PositiveDuration = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_positive)]
Name = Annotated[str, AfterValidator(_name)]
Address = Annotated[str, AfterValidator(_address)]
HostPort = Annotated[str, AfterValidator(_host_port)]
AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
SocketPath = Annotated[Path, AfterValidator(_absolute), AfterValidator(_socket)]
