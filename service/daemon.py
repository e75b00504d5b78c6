"""The daemon: puts the parts together, starts them, reloads them on SIGHUP, and stops them in order."""

import asyncio
import os
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from providers.base import Clock
from service.api.serve import serve
from service.clock import SystemClock, system_random
from service.config import Config
from service.config_file import load_config, secrets_of
from service.daemon_desk import DaemonDesk
from service.decision.suspicion import ConfirmationWanted
from service.errors import RelaypilotError
from service.events import EventLog
from service.heap import give_memory_back, return_large_blocks
from service.live import LIVE_SECONDS, POSITION, LiveMail
from service.log import configure_logging
from service.memory import Memory
from service.notify import Notifier
from service.owner import Owner
from service.postfix.client import HelperClient
from service.prober import Prober, new_id
from service.pulse import Beat, notices
from service.readiness.account_desk import AccountDesk
from service.redaction import Redaction
from service.schedule import Schedule
from service.secrets import probe_secret
from service.setup import Setup, set_up, store_url
from service.store.store import open_store
from service.switchover import Observer
from service.version import version

PULSE_SECONDS = 1.0
CONTROL_SECONDS = 60.0
MEMORY_SECONDS = 60.0
PRUNE_SECONDS = 3600.0
_PRUNE_ROWS = 2000
_THREADS = 64
_log = structlog.get_logger("relaypilot")


def run(config_path: Path) -> int:
    """Run the daemon until SIGTERM or SIGINT; return the exit status.

    Raises:
        RelaypilotError: it could not start: configuration, store or socket.
    """
    return run_observed(config_path, _log_step)


def run_observed(config_path: Path, observe: Observer) -> int:
    """Run the daemon, telling `observe` each step of each switchover and each agreement."""
    return_large_blocks()
    clock = SystemClock()
    config = load_config(config_path, os.environ)
    redaction = Redaction(secrets_of(config))
    configure_logging(clock, redaction, os.environ)
    return asyncio.run(_run(config_path, set_up(config, clock), clock, redaction, observe))


async def _run(config_path: Path, setup: Setup, clock: Clock, redaction: Redaction, observe: Observer) -> int:
    return await Daemon(config_path, setup, clock, redaction, observe).run()


class Daemon:
    """The running parts. Everything that belongs to one configuration is replaced at a reload."""

    def __init__(self, config_path: Path, setup: Setup, clock: Clock, redaction: Redaction, observe: Observer) -> None:
        config = setup.config
        self._config_path = config_path
        self._redaction = redaction
        self._clock = clock
        self._rng = system_random()
        self._store = open_store(store_url(config), clock)
        self._secret = probe_secret(config.state_dir)
        self._notifier = Notifier(os.environ.get("NOTIFY_SOCKET"))
        self._events = EventLog(clock)
        self._memory = Memory(self._store, setup.policy)
        self._owner = Owner(
            setup=setup,
            memory=self._memory,
            postfix=HelperClient(config.postfix.helper_socket),
            clock=clock,
            events=self._events,
            on_progress=self._fed,
            confirm=self._confirm,
            observe=observe,
        )
        self._schedule = Schedule()
        self._prober = self._new_prober(setup)
        self._live = LiveMail(setup, clock, self._owner.tell)
        self._stopping = asyncio.Event()
        self._api_stop = asyncio.Event()
        self._reload_wanted = asyncio.Event()
        self._desk = DaemonDesk(
            self._owner,
            self._events,
            clock,
            lambda: self._prober,
            lambda: self._live.problem,
            clock.now(),
            AccountDesk(lambda: self._owner.setup, clock=clock, secret=self._secret, new_id=new_id),
        )
        self._beat: Beat | None = None
        self._parts: list[asyncio.Task[None]] = []

    async def run(self) -> int:
        """Run until told to stop, or until a part fails.

        Raises:
            RelaypilotError: a part could not start.
        """
        loop = asyncio.get_running_loop()
        # The default of a few threads is used up by a few name look-ups that hang, and then every provider
        # and the control check seem out of reach at once (tried 2026-11-23). Threads are made when needed.
        loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="look-up"))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_wanted.set)
        try:
            async with asyncio.TaskGroup() as parts:
                await self._start(parts)
                await self._stopping.wait()
                await self._stop()
        except* RelaypilotError as failures:
            raise failures.exceptions[0] from None
        finally:
            self._memory.close()
        return 0

    async def _start(self, parts: asyncio.TaskGroup) -> None:
        # The socket first: it is what tells a second daemon that one is there, before anything is recorded.
        api = self._owner.setup.config.api
        listening = asyncio.Event()
        serving = parts.create_task(
            serve(
                self._desk,
                socket=api.socket,
                group=api.group,
                listen=api.listen,
                token=api.token.get_secret_value() if api.token else None,
                stop=self._api_stop,
                on_listening=lambda _port: listening.set(),
            ),
            name="api",
        )
        await asyncio.wait([serving, asyncio.ensure_future(listening.wait())], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            return  # it failed; the task group ends the rest
        self._memory.load(self._clock.now())
        self._live.resume(self._store.position(POSITION))
        self._owner.started(version())
        self._parts = [
            parts.create_task(self._owner.run(), name="owner"),
            parts.create_task(self._pulse(), name="pulse"),
            parts.create_task(self._reloads(), name="reloads"),
        ]
        self._plan_ticks(self._owner.setup)
        self._schedule.start()
        self._prober.start_soon()
        self._notifier.ready()
        _log.info("started", version=version(), config=str(self._config_path))

    async def _stop(self) -> None:
        self._notifier.stopping()
        _log.info("stopping; Postfix keeps the present route")
        self._schedule.stop()
        self._events.close()
        self._api_stop.set()
        owner, *others = self._parts
        for part in others:
            part.cancel()
        await self._prober.aclose()
        self._owner.stop()
        await owner

    def _plan_ticks(self, setup: Setup) -> None:
        probes = setup.config.probes
        every, jitter = self._schedule.every, probes.jitter
        every("session checks", probes.session_interval.total_seconds(), self._prober.sweep, jitter_ratio=jitter)
        every("message rounds", probes.round_interval.total_seconds(), self._prober.round, jitter_ratio=jitter)
        every("control check", CONTROL_SECONDS, self._prober.tell_control, jitter_ratio=jitter)
        every("live mail", LIVE_SECONDS, self._live.read)
        every("memory", MEMORY_SECONDS, _give_memory_back)
        every("retention", PRUNE_SECONDS, self._prune, jitter_ratio=jitter)
        every("old probes", PRUNE_SECONDS, self._prober.delete_old_probes, jitter_ratio=jitter)

    async def _prune(self) -> None:
        keep = self._owner.setup.config.store.keep_observations
        try:
            full = True
            while full:  # each batch is short, so that facts are recorded in between
                deleted = await self._memory.tidy(
                    lambda store: store.prune(self._clock.now(), keep, batch_rows=_PRUNE_ROWS, batches=1)
                )
                full = deleted == _PRUNE_ROWS
        except RelaypilotError as error:
            _log.warning("old observations could not be deleted", error=str(error))

    async def _pulse(self) -> None:
        """Beat once a second: notice gaps and clock jumps, have a cycle run."""
        while True:
            beat = Beat(wall=self._clock.now(), monotonic_seconds=self._clock.monotonic())
            found = notices(self._beat, beat) if self._beat else ()
            self._beat = beat
            if found:
                _log.warning("time was lost or changed", facts=[f"{n.kind} {n.detail}" for n in found])
                self._owner.tell(found)
                self._schedule.realign()
                self._prober.start_soon()
            self._owner.tick()
            await asyncio.sleep(PULSE_SECONDS)

    async def _reloads(self) -> None:
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            self._notifier.reloading(self._clock.monotonic())
            try:
                await self._reload()
            except RelaypilotError as error:
                self._owner.config_problem = f"The changed configuration is not used; the old one is in force: {error}"
                self._events.say("config", self._owner.config_problem)
                _log.error("the configuration was not reloaded", problem=str(error))
            self._notifier.ready()

    async def _reload(self) -> None:
        config = load_config(self._config_path, os.environ)
        self._redaction.add(secrets_of(config))
        setup = set_up(config, self._clock)
        unmoved = _needing_restart(self._owner.setup.config, config)
        before, self._prober = self._prober, self._new_prober(setup)
        await self._owner.call(lambda: self._owner.change_setup(setup))
        self._live.change_setup(setup)
        self._plan_ticks(setup)
        self._prober.start_soon()
        sentence = "The configuration was reloaded."
        if unmoved:
            sentence += f" Still as before until a restart (systemctl restart relaypilot): {', '.join(unmoved)}."
        self._owner.config_problem = sentence if unmoved else None
        self._events.say("config", sentence)
        _log.info("configuration reloaded", needs_restart=unmoved or None)
        await before.aclose()

    def _confirm(self, wanted: Sequence[ConfirmationWanted]) -> None:
        self._prober.confirm(wanted)  # whichever prober is in force

    def _fed(self) -> None:
        self._notifier.watchdog()

    def _new_prober(self, setup: Setup) -> Prober:
        return Prober(setup, clock=self._clock, rng=self._rng, secret=self._secret, tell=self._owner.tell)


def _needing_restart(before: Config, now: Config) -> list[str]:
    """Return the keys that were changed and are read at the start alone."""
    keys = {
        "[api]": (before.api, now.api),
        "state_dir": (before.state_dir, now.state_dir),
        "[store] url": (before.store.url, now.store.url),
        "[postfix] helper_socket": (before.postfix.helper_socket, now.postfix.helper_socket),
    }
    return [key for key, (old, new) in keys.items() if old != new]


async def _give_memory_back() -> None:
    give_memory_back()


def _log_step(step: str, when: str) -> None:
    _log.debug("switchover", step=step, when=when)
