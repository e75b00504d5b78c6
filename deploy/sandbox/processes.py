"""Processes of the sandbox: started with a record on disk, so that what a crash leaves behind can be ended."""

import contextlib
import json
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

from deploy.sandbox.layout import Layout

_recording = threading.Lock()
_SAME_START_SECONDS = 0.05


class Process:
    """One recorded subprocess with its log."""

    def __init__(self, name: str, popen: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.popen = popen
        self.log = log

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self.popen.pid

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        return self.popen.poll()

    def text(self) -> str:
        """Return what it has written to standard output and error."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.popen.send_signal(number)

    def stop(self, timeout_seconds: float = 5) -> int:
        """End it with SIGTERM, after the time-out with SIGKILL; return the exit code."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(timeout_seconds)
            except subprocess.TimeoutExpired:
                self.popen.kill()
        return self.popen.wait()

    def kill(self) -> int:
        """End it with SIGKILL; return the exit code."""
        self.popen.kill()
        return self.popen.wait()


def start_process(
    layout: Layout,
    name: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | None = None,
) -> Process:
    """Start and record a process; output goes to NAME.log in the world's directory.

    It gets a session of its own, so that Ctrl-C reaches the world only, which then ends it in order.
    """
    log = layout.directory / f"{name}.log"
    with log.open("ab") as output:
        popen = subprocess.Popen(
            list(command),
            stdin=stdin,
            stdout=output if stdout is None else stdout,
            stderr=output,
            cwd=layout.directory,
            env=dict(environment) if environment is not None else None,
            start_new_session=True,
        )
    with _recording:
        records = _read(layout)
        with contextlib.suppress(psutil.NoSuchProcess):  # it may have ended already
            records.append({"name": name, "pid": popen.pid, "created": psutil.Process(popen.pid).create_time()})
        aside = layout.processes.with_suffix(".new")
        aside.write_text(json.dumps(records))
        aside.rename(layout.processes)
    return Process(name, popen, log)


def end_recorded(layout: Layout, *, but: int | None = None) -> list[str]:
    """End every recorded process that is still the same one (same pid and start time); return their names."""
    ours = []
    for record in _read(layout):
        try:
            process = psutil.Process(int(str(record["pid"])))
            same = abs(process.create_time() - float(str(record["created"]))) < _SAME_START_SECONDS
            # An orphan stays as a zombie where process 1 does not reap (containers).
            alive = process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            continue
        if same and alive and process.pid != but:
            ours.append((str(record["name"]), process))
    for number in (signal.SIGTERM, signal.SIGKILL):
        for _, process in ours:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        if not psutil.wait_procs([p for _, p in ours], timeout=3)[1]:
            break
    if but is None:
        layout.processes.unlink(missing_ok=True)
    return [name for name, _ in ours]


def _read(layout: Layout) -> list[dict[str, object]]:
    try:
        return list(json.loads(layout.processes.read_text()))
    except (FileNotFoundError, ValueError):
        return []
