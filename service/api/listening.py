"""The sockets that the API listens on."""

import errno
import os
import shutil
import socket
import stat
from pathlib import Path

from service.errors import PermissionNeededError, RelaypilotError

_BACKLOG = 128
_MODE = 0o660


def open_unix_socket(path: Path, group: str | None = None) -> socket.socket:
    """Return a listening unix socket for the daemon's user and a group; removes what a dead daemon left behind.

    `group`: its members may connect; none means the daemon's own group.

    Raises:
        RelaypilotError: another daemon answers there, or the socket cannot be made.
    """
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        listener.bind(str(path))
        path.chmod(_MODE)  # before listen(): nobody connects under wider permissions
        if group is not None:
            shutil.chown(path, group=group)
        listener.listen(_BACKLOG)
    except LookupError as error:
        listener.close()
        raise RelaypilotError(f'[api] group = "{group}": there is no such group; addgroup --system {group}.') from error
    except OSError as error:
        listener.close()
        kind = PermissionNeededError if isinstance(error, PermissionError) else RelaypilotError
        raise kind(
            f"Opening the API's socket {path} failed: {error.strerror or error}; "
            "see that its directory exists and belongs to the daemon's user, who must be a member of [api] group."
        ) from error
    listener.setblocking(False)
    return listener


def open_tcp_socket(listen: str) -> socket.socket:
    """Return a listening TCP socket for "address:port"; brackets around an IPv6 address, port 0 for any free one.

    Raises:
        RelaypilotError: the address cannot be listened on.
    """
    host, _, port = listen.rpartition(":")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICHOST
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, ValueError) as error:
        raise RelaypilotError(
            f'[api] listen = "{listen}" is not an address and port; write for example "127.0.0.1:8520".'
        ) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise RelaypilotError(
            f"Listening on {listen} failed: {error.strerror or error}; free the port or change [api] listen."
        ) from error
    listener.setblocking(False)
    return listener


def inode_of(path: Path) -> int | None:
    """Return the inode of a socket's file, or None when there is none."""
    try:
        return os.lstat(path).st_ino
    except OSError:
        return None


def _clear(path: Path) -> None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    except OSError:
        return  # bind() says what is wrong
    if not stat.S_ISSOCK(found.st_mode):
        raise RelaypilotError(f"{path} is where the API's socket should be, and is no socket; remove it.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(2)
        try:
            caller.connect(str(path))
        except OSError as error:
            # ECONNREFUSED: the file is there, nobody listens (unix(7)). Anything else may be a daemon that is busy.
            if error.errno != errno.ECONNREFUSED:
                raise RelaypilotError(
                    f"Something holds {path} and does not answer ({error.strerror or error}); "
                    "stop the other daemon, or remove the socket."
                ) from error
        else:
            raise RelaypilotError(f"Another relaypilot already answers on {path}; stop it first.")
    path.unlink(missing_ok=True)
