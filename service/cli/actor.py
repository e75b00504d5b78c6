"""Who is at the keyboard, for the journal."""

import getpass
import os
import socket


def actor() -> str:
    """Return "user@host"; behind sudo the user who called it."""
    user = os.environ.get("SUDO_USER")
    if not user:
        try:
            user = getpass.getuser()
        except (KeyError, OSError):  # a user without an entry in the password file (OSError since 3.13)
            user = f"uid{os.getuid()}"
    return f"{user}@{socket.gethostname()}"
