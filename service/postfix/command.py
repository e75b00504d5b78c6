"""Runs Postfix's commands: argument lists, never a shell; absolute configuration directory; time-outs."""

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from service.postfix.errors import CommandFailedError, CommandMissingError, CommandTimedOutError

DEFAULT_SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(
    name: str,
    arguments: Sequence[str],
    *,
    config_dir: Path,
    search_path: str = DEFAULT_SEARCH_PATH,
    timeout_seconds: float = 30.0,
    text_in: str = "",
    accept: Sequence[int] = (0,),
) -> str:
    """Return what one Postfix command printed.

    `config_dir` is given as `-c`, which must be absolute: `postfix -c relative reload` reloads nothing and
    says nothing. The environment is ours alone, so neither `MAIL_CONFIG` nor a locale reaches the command.

    Raises:
        CommandMissingError: no such program in `search_path`.
        CommandTimedOutError: it ran longer than `timeout_seconds`.
        CommandFailedError: its exit status is not in `accept`.
    """
    return execute(
        [name, "-c", str(config_dir), *arguments],
        config_dir=config_dir,
        search_path=search_path,
        timeout_seconds=timeout_seconds,
        text_in=text_in,
        accept=accept,
    )[0]


def execute(
    command: Sequence[str],
    *,
    config_dir: Path,
    search_path: str = DEFAULT_SEARCH_PATH,
    timeout_seconds: float = 30.0,
    text_in: str = "",
    accept: Sequence[int] = (0,),
) -> tuple[str, str]:
    """Return standard output and standard error of one command; errors as in `run`."""
    name = command[0]
    program = _program(name, search_path)
    try:
        done = subprocess.run(
            [program, *command[1:]],
            input=text_in.encode(),
            capture_output=True,
            timeout=timeout_seconds,
            env=_environment(config_dir, search_path),
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _timed_out(name, timeout_seconds) from error
    except OSError as error:
        raise CommandFailedError(f"Running {name} failed: {error.strerror}.") from error
    out = done.stdout.decode("utf-8", "replace")
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode not in accept:
        raise _failed(name, done.returncode, said or out)
    return out, said


def each_line(
    name: str,
    arguments: Sequence[str],
    *,
    config_dir: Path,
    search_path: str = DEFAULT_SEARCH_PATH,
    timeout_seconds: float = 30.0,
) -> Iterator[bytes]:
    """Yield what one Postfix command prints, line by line, so that a long output is never held; errors as in `run`."""
    program = _program(name, search_path)
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [program, "-c", str(config_dir), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env=_environment(config_dir, search_path),
            cwd="/",
        )
        late = threading.Event()

        def kill() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(timeout_seconds, kill)
        timer.start()
        try:
            assert process.stdout is not None  # noqa: S101 - a pipe was asked for
            yield from process.stdout
            process.wait()
        finally:
            timer.cancel()
            process.kill()  # when the caller wants no more lines; no effect on one that has ended
            with process:
                process.wait()
        if late.is_set():
            raise _timed_out(name, timeout_seconds)
        if process.returncode != 0:
            complaints.seek(0)
            raise _failed(name, process.returncode, complaints.read(65536).decode("utf-8", "replace").strip())


def _program(name: str, search_path: str) -> str:
    program = shutil.which(name, path=search_path)
    if program is None:
        raise CommandMissingError(
            f"Running {name} failed: there is no such command in {search_path}; is Postfix installed?"
        )
    return program


def _environment(config_dir: Path, search_path: str) -> dict[str, str]:
    return {"PATH": search_path, "LC_ALL": "C", "MAIL_CONFIG": str(config_dir)}


def _timed_out(name: str, timeout_seconds: float) -> CommandTimedOutError:
    return CommandTimedOutError(
        f"Running {name} failed: no end after {timeout_seconds:g} s; look whether the machine is overloaded."
    )


def _failed(name: str, status: int, said: str) -> CommandFailedError:
    return CommandFailedError(f"Running {name} failed with status {status}: {first_complaint(said)}", said)


def first_complaint(said: str) -> str:
    """Return the line of a command's complaints that matters: its `fatal:` one, else the first."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    fatal = [line for line in lines if "fatal:" in line or "error:" in line]
    return (fatal or lines or ["it gave no reason"])[0][:500]
