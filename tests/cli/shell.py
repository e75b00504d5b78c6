"""Runs the installed commands as processes."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
SECONDS = 30


@dataclass
class Done:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Shell:
    config: Path
    environ: dict[str, str]

    @classmethod
    def at(cls, directory: Path, socket: Path) -> "Shell":
        config = directory / "relaypilot.toml"
        config.write_text(f'[api]\nsocket = "{socket}"\n')
        environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "RELAYPILOT_CONFIG": str(config), "TERM": "xterm"}
        return cls(config, environ)

    def __call__(self, *arguments: str, command: str = "relaypilot") -> Done:
        done = subprocess.run(
            [BIN / command, *arguments], env=self.environ, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def unable_to_read(self, *arguments: str) -> Done:
        """Run it without the right to read its configuration.

        The user stays root, so that a checkout closed to all others can be run from; only root's right to pass by
        file modes is taken away.
        """
        self.config.chmod(0)
        return self._with("--bounding-set=-dac_override,-dac_read_search", *arguments)

    def as_nobody(self, *arguments: str) -> Done:
        """Run it as another user, who may read whatever root may, for the same reason."""
        rights = "+dac_override,+dac_read_search"
        return self._with(
            "--reuid=65534", "--clear-groups", f"--inh-caps={rights}", f"--ambient-caps={rights}", *arguments
        )

    def _with(self, *arguments: str) -> Done:
        options = [a for a in arguments if (a.startswith("--") and "=" in a) or a == "--clear-groups"]
        words = [a for a in arguments if a not in options]
        done = subprocess.run(
            ["setpriv", *options, BIN / "relaypilot", *words],
            env={**self.environ, "PATH": "/usr/bin:/bin"},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [BIN / "relaypilot", *arguments],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def on_terminal(self, *arguments: str, columns: int = 100, lines: int = 60) -> "Terminal":
        return Terminal([str(BIN / "relaypilot"), *arguments], self.environ, columns, lines)


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, command: list[str], environ: dict[str, str], columns: int, lines: int) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(command, env=environ, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        self.shown = ""

    def read_until(self, text: str) -> None:
        end = time.monotonic() + SECONDS
        while text not in self.words and time.monotonic() < end and self._read():
            pass
        assert text in self.words, self.words

    @property
    def words(self) -> str:
        """What was shown, without its escape sequences."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.shown).replace("\r\n", "\n")

    def read_to_end(self) -> int:
        while self._read():
            pass
        os.close(self._master)
        return self.process.wait(SECONDS)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], SECONDS)
        assert ready, f"nothing more was shown in {SECONDS} s after: {self.words}"
        try:
            chunk = os.read(self._master, 65536)
        except OSError:  # EIO: the command has closed its end
            return False
        self.shown += chunk.decode(errors="replace")
        return bool(chunk)
