"""The demo: a world in which providers fail one after the other while live mail flows, and what became of it."""

import argparse
import errno
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console

from deploy.sandbox.demo_playground import playground_text
from deploy.sandbox.demo_show import Lines, Show
from deploy.sandbox.demo_story import ROUND_SECONDS, SESSION_SECONDS, Story
from deploy.sandbox.demo_summary import Summary
from deploy.sandbox.demo_view import LEAST_HEIGHT, LEAST_WIDTH, Screen
from deploy.sandbox.demo_watch import LATE_SECONDS, Watch
from deploy.sandbox.dialect import DIALECTS
from deploy.sandbox.errors import NotPossibleHereError, NotRunningError, SandboxError
from deploy.sandbox.ledger import Counts
from deploy.sandbox.listener import free_port
from deploy.sandbox.load import Load
from deploy.sandbox.product import Settings
from deploy.sandbox.world import DEFAULT_DIRECTORY, World, attach

LIMIT_SECONDS = 300.0  # it has ended by then
_STORY_SECONDS = 265.0
_DRAIN_SECONDS = 15.0
_PER_SECOND = 5.0
_NOT_POSSIBLE, _INTERRUPTED = 2, 130
_PROGRAMS = ("postfix", "postconf", "postqueue", "dovecot", "doveadm")


def main(argv: Sequence[str]) -> int:
    """Run the demo and return its exit status: 0 as expected, 1 not, 2 not possible here, 130 interrupted."""
    options = _parser().parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        _check_machine(options.dir)
        return _run(options)
    except NotPossibleHereError as error:
        print(f"demo: {error}", file=sys.stderr)
        return _NOT_POSSIBLE
    except SandboxError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; nothing of it runs any more.", file=sys.stderr)
        return _INTERRUPTED
    except OSError as error:
        if error.errno not in {errno.EPIPE, errno.EIO}:
            raise
        # The reader or the terminal has gone: let nothing be written to it at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.sandbox demo",
        description="Watch relaypilot move a real Postfix away from providers that fail: everything on loopback, "
        "no keystroke needed, over within five minutes. Exit status: 0 as expected, 1 not as expected, "
        "2 not possible on this machine, 130 interrupted.",
    )
    parser.add_argument("--keep", action="store_true", help="stay up afterwards, to play with faults")
    parser.add_argument(
        "--dir", type=Path, default=DEFAULT_DIRECTORY, help=f"where everything lives [{DEFAULT_DIRECTORY}]"
    )
    parser.add_argument(
        "--calm", type=float, default=12.0, metavar="SECONDS", help="how long to look at each outcome [12]"
    )
    return parser


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _check_machine(directory: Path) -> None:
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if os.geteuid() != 0:
        raise NotPossibleHereError("The demo runs a real Postfix and Dovecot and needs root: run it with sudo.")
    if missing:
        raise NotPossibleHereError(
            f"This machine lacks {', '.join(missing)}: `make setup` installs them, "
            "or apt-get install postfix dovecot-imapd."
        )
    try:
        attach(directory)
    except NotRunningError:
        return
    raise NotPossibleHereError(
        f"A sandbox is running in {directory} already: stop it with `{sys.executable} -m deploy.sandbox stop "
        f"--dir {directory}`, or choose another directory with --dir."
    )


def _show(started: float) -> Show:
    console = Console()
    size = console.size
    roomy = size.width >= LEAST_WIDTH and size.height >= LEAST_HEIGHT
    if sys.stdout.isatty() and not console.is_dumb_terminal and roomy:
        return Screen(console, started, LIMIT_SECONDS, _PER_SECOND)
    return Lines(started)


def _run(options: argparse.Namespace) -> int:
    started = time.monotonic()
    show = _show(started)
    token, listen = secrets.token_urlsafe(12), f"127.0.0.1:{free_port()}"
    with ExitStack() as running:
        with show.step("Starting three relays, Dovecot with six seed inboxes, and Postfix"):
            world = World.start(
                options.dir,
                session_interval=f"{SESSION_SECONDS:g}s",
                round_interval=f"{ROUND_SECONDS:g}s",
                settings=_settings(options.dir, listen),
            )
            running.enter_context(_stopping(world, show))
            _write_token(world, token)
            first = next(iter(DIALECTS))
            world.use_stock_route(first)
        load = running.enter_context(world.load(_PER_SECOND))
        with show.step("Starting relaypilot: the root helper and the daemon"):
            world.start_helper()
            daemon = world.start_daemon()
            watch = Watch(world)
            watch.wait_for_daemon(daemon)
        running.callback(watch.stop)
        watch.start()
        story = Story(
            world,
            watch,
            show,
            daemon,
            first=first,
            calm_seconds=options.calm,
            deadline=started + _STORY_SECONDS,
        )
        with show.live(watch):
            story.play()
            show.open("count", "The story is over. The last messages arrive, then every one is looked for.")
            load.stop()
            counts = _drained(world)
        summary = Summary(
            counts=counts,
            late_seconds=LATE_SECONDS,
            moves=story.moves,
            taken_for_spam=story.taken_for_spam(),
            surprises=[*story.surprises(), *_refused(load)],
        )
        for line in ("", *summary.lines()):
            show.print(line)
        show.print(f"\nIt took {time.monotonic() - started:.0f} s. Configuration and logs are in {world.directory}.")
        if options.keep:
            _keep(world, watch, show, playground_text(world, listen, token))
        return summary.exit_status


def _settings(directory: Path, listen: str) -> Settings:
    return {
        "api": {"listen": listen, "token": {"file": f"{directory.absolute()}/secrets/api"}},
        # Health counts the last minute, so that the numbers follow the story; failback as strict as by default.
        "policy": {"evidence_lifetime": "60s", "failback_rounds": 6},
    }


def _write_token(world: World, token: str) -> None:
    path = world.layout.secrets / "api"
    path.touch(mode=0o600)
    path.write_text(token)


@contextmanager
def _stopping(world: World, show: Show) -> Iterator[None]:
    """Stop the world at the end, whatever happens meanwhile; a second Ctrl-C does not break that off."""
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        try:
            with show.step("Stopping everything"):
                world.stop()
        except OSError:  # nobody reads what is shown any more
            world.stop()


def _drained(world: World) -> Counts:
    """Return the counts once nothing is on the way any more, or when the time for that is over."""
    until = time.monotonic() + _DRAIN_SECONDS
    world.postfix.flush()
    while (counts := world.ledger.counts(LATE_SECONDS)).queued + counts.underway and time.monotonic() < until:
        time.sleep(0.5)
    return counts


def _refused(load: Load) -> list[str]:
    return [f"Postfix did not take {load.refused} live messages at all."] if load.refused else []


def _keep(world: World, watch: Watch, show: Show, text: str) -> None:
    """Stay until Ctrl-C."""
    world.heal()
    show.print()
    show.print(text)
    told = set(watch.events())
    with world.load(_PER_SECOND):
        try:
            while True:
                for event in watch.events():
                    if event not in told:
                        told.add(event)
                        show.event(event)
                time.sleep(0.5)
        except KeyboardInterrupt:
            show.print()
