"""The root helper's socket: root's and its one user's."""

import os
import pwd
import socket

from service.postfix.errors import HelperError
from service.postfix.installation import Installation


def listen(installation: Installation) -> socket.socket:
    """Return the listening socket; mode 0660, group of the configured user.

    Raises:
        HelperError: another helper listens already, or the socket cannot be made.
    """
    path = installation.helper_socket
    group = _account(installation).pw_gid
    if _answers(installation):
        raise HelperError(f"Another root helper listens on {path}; stop it first.")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    former_umask = os.umask(0o177)
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        os.chown(path, 0, group)
        path.chmod(0o660)
        listener.listen(16)
    except OSError as error:
        listener.close()
        raise HelperError(f"Listening on {path} failed: {error.strerror}; look at the directory.") from error
    finally:
        os.umask(former_umask)
    return listener


def allowed_uids(installation: Installation) -> frozenset[int]:
    """Return the users whose requests are taken.

    Raises:
        HelperError: the configured user does not exist.
    """
    return frozenset({0, _account(installation).pw_uid})


def _account(installation: Installation) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(installation.helper_user)
    except KeyError as error:
        raise HelperError(
            f'[postfix] helper_user: there is no user "{installation.helper_user}" on this host; create it.'
        ) from error


def _answers(installation: Installation) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(installation.helper_socket))
        except TimeoutError:
            return True
        except OSError:
            return False
    return True
