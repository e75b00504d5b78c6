"""One run of the transaction, step by step."""

import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from providers.base import Clock
from service.decision.route import Route
from service.postfix.canary import CanaryResult
from service.postfix.canary_lanes import send_canaries
from service.postfix.change import Change
from service.postfix.command import run
from service.postfix.current import Current, read_services
from service.postfix.durable import NEW, OLD, digest_of
from service.postfix.errors import (
    ApplyError,
    CannotWriteError,
    CommandError,
    CommandFailedError,
    NotRunningError,
    PostfixError,
    ReadBackFailedError,
    UndoFailedError,
)
from service.postfix.installation import Installation
from service.postfix.intent import Intent, Request, remove_intent, write_intent
from service.postfix.journal import JournalLine, append_journal, find_in_journal
from service.postfix.render import Rendering, render
from service.postfix.staging import (
    check_lookups,
    check_tables,
    check_values,
    keep_former,
    keep_originals,
    owned_paths,
    stage,
    stage_dir,
    validate,
)
from service.postfix.state import State, forget_state, read_state, write_state
from service.postfix.steps import STEPS, Observer, Step
from service.postfix.surroundings import SHARED_SETTINGS
from service.postfix.undo import undo

_LONGEST_DETAIL = 2000  # characters; a Postfix command may say a lot
_log = logging.getLogger(__name__)


def sweep(installation: Installation) -> None:
    """Remove what a move left aside."""
    for directory in (installation.config_dir, installation.owned_dir, installation.helper_dir):
        for pattern in (f"*{NEW}", f"*{OLD}"):
            for path in directory.glob(pattern):
                path.unlink(missing_ok=True)
    owned_dir = installation.owned_dir
    if read_state(installation) is None and owned_dir.is_dir() and not any(owned_dir.iterdir()):
        owned_dir.rmdir()
    shutil.rmtree(stage_dir(installation), ignore_errors=True)


class Move:
    """One run of the transaction; each step is a method, found by the step's name."""

    def __init__(self, installation: Installation, request: Request, clock: Clock, observer: Observer) -> None:
        self._at = installation
        self._request = request
        self._clock = clock
        self._observer = observer
        self._durations: list[tuple[str, float]] = []
        self._state: State | None = None
        self._wanted: Rendering = Rendering(settings={}, services={}, files={})
        self._read: Mapping[Path, str | None] = {}
        self._kept: Mapping[Path, str | None] = {}
        self._changes: tuple[Change, ...] = ()
        self._intent: Intent | None = None
        self._before: Route | None = None
        self._own: Mapping[str, str | None] = {}
        self._owned_dir_existed = True
        self._canary_result = CanaryResult(verified=False, sentence="")

    def begin(self, current: Current, seen: Mapping[Path, str | None]) -> JournalLine:
        """Carry the move out from its first step; `seen` are the digests of the files that `current` was read from."""
        self._state = read_state(self._at)
        self._own = current.surroundings.own
        self._wanted = render(self._request.route, self._at, current.message_size_limit, current.surroundings)
        self._before = current.route
        self._owned_dir_existed = self._at.owned_dir.exists()
        self._read = seen
        return self._run(STEPS)

    def resume(self, intent: Intent) -> JournalLine:
        """Finish a move that was cut short after its commit point, else undo it."""
        self._intent, self._before, self._changes = intent, intent.before, intent.changes
        self._wanted = intent.wanted.rendering
        self._state = read_state(self._at)
        if self._state is not None and self._state.request_id == intent.request.request_id:
            line = find_in_journal(self._at, intent.request.request_id) or self._line(
                "applied", "Finished after a crash."
            )
            self._journal(line)
            self._clean()
            return line
        if all(digest_of(change.path) == change.after for change in intent.changes):
            try:
                return self._run(STEPS[STEPS.index("reload") :])
            except UndoFailedError:
                raise
            except PostfixError as error:
                return find_in_journal(self._at, intent.request.request_id) or self._line("failed", str(error))
        return self._undo("It was cut short and has been undone.")

    def _run(self, steps: tuple[Step, ...]) -> JournalLine:
        methods: dict[Step, Callable[[], None]] = {
            "snapshot": self._snapshot,
            "stage": self._stage,
            "validate": self._validate,
            "intent": self._record_intent,
            "commit-files": self._commit_files,
            "commit-services": self._commit_services,
            "commit-settings": self._commit_settings,
            "reload": self._reload,
            "read-back": self._read_back,
            "canary": self._canary,
            "record": self._record,
            "clean": self._clean,
        }
        step = steps[0]
        try:
            for step in steps:
                self._observer(step, "before")
                begun = self._clock.monotonic()
                methods[step]()
                self._durations.append((step, self._clock.monotonic() - begun))
                self._observer(step, "after")
        except (PostfixError, OSError) as error:
            failure = error if isinstance(error, PostfixError) else _cannot_write(step, error)
            if step == "clean":  # the move is done and recorded; the next call tidies up
                _log.warning("tidying up after a move failed: %s", failure)
                return self._line("applied", self._canary_result.sentence)
            if self._intent is None:
                sweep(self._at)
            else:
                self._undo(str(failure))
            if failure is error:
                raise
            raise failure from error
        return self._line("applied", self._canary_result.sentence)

    def _snapshot(self) -> None:
        keep_originals(self._at)
        owned = owned_paths(self._state.rendering) if self._state else []
        self._kept = keep_former(self._at, {*owned, *owned_paths(self._wanted)})
        self._check_unchanged(self._read, self._kept)

    def _stage(self) -> None:
        now_seconds = self._clock.now().timestamp()
        owned = self._state.rendering if self._state else None
        self._changes = stage(self._at, self._wanted, owned, self._kept, now_seconds, self._own)

    def _validate(self) -> None:
        validate(self._at, self._wanted)

    def _check_unchanged(self, before: Mapping[Path, str | None], now: Mapping[Path, str | None]) -> None:
        for path, digest in before.items():
            if now[path] != digest:
                raise CannotWriteError(
                    f"{path} was changed by somebody else during the move; nothing was changed; try again."
                )

    def _record_intent(self) -> None:
        self._check_unchanged(self._kept, {path: digest_of(path) for path in self._kept})
        owned = self._state.rendering if self._state else self._wanted
        services = read_services(self._at)
        intent = Intent(
            request=self._request,
            before=self._before,
            changes=self._changes,
            settings_before=self._explicit({*owned.settings, *self._wanted.settings}),
            services_before={name: services.get(name) for name in {*owned.services, *self._wanted.services}},
            owned_dir_existed=self._owned_dir_existed,
            wanted=State(
                generation=(self._state.generation if self._state else 0) + 1,
                request_id=self._request.request_id,
                route=self._request.route,
                nexthops={at.nexthop.lower(): name for name, at in self._at.providers.items()},
                rendering=self._wanted,
                own={name: self._own.get(name) for name in SHARED_SETTINGS if name in self._wanted.settings},
            ),
        )
        write_intent(self._at, intent)
        self._intent = intent

    def _explicit(self, names: set[str]) -> dict[str, str | None]:
        """Return main.cf's own text of these settings, unexpanded; None for those it does not hold."""
        out = run("postconf", ["-n", *sorted(names)], config_dir=self._at.config_dir, search_path=self._at.search_path)
        there = {line.partition(" =")[0]: line.partition(" =")[2].lstrip() for line in out.splitlines()}
        return {name: there.get(name) for name in sorted(names)}

    def _commit_files(self) -> None:
        self._commit(
            lambda change: change.after is not None and change.path not in (self._at.main_cf, self._at.master_cf)
        )

    def _commit_services(self) -> None:
        self._commit(lambda change: change.path == self._at.master_cf)

    def _commit_settings(self) -> None:
        self._commit(lambda change: change.path == self._at.main_cf)
        self._commit(lambda change: change.after is None)

    def _commit(self, chosen: Callable[[Change], bool]) -> None:
        for change in filter(chosen, self._changes):
            change.commit()

    def _reload(self) -> None:
        try:
            run("postfix", ["reload"], config_dir=self._at.config_dir, search_path=self._at.search_path)
        except CommandFailedError as error:
            raise NotRunningError(
                f"Having Postfix read its new route failed ({error.stderr or error}); is it running?"
            ) from error

    def _read_back(self) -> None:
        try:
            check_values(self._at, self._wanted)
            check_tables(self._at, self._wanted)
            check_lookups(self._at, self._wanted)
        except (ApplyError, CommandError) as error:
            raise ReadBackFailedError(f"What Postfix holds after the move is not what was written: {error}") from error

    def _canary(self) -> None:
        request = self._request
        self._canary_result = send_canaries(
            self._at, self._wanted, self._before, request.route, request.request_id, self._clock
        )

    def _record(self) -> None:
        assert self._intent is not None  # noqa: S101 - written by an earlier step
        former = self._state
        write_state(self._at, self._intent.wanted)
        try:
            self._journal(self._line("applied", self._canary_result.sentence))
        except OSError:
            forget_state(self._at) if former is None else write_state(self._at, former)
            raise

    def _clean(self) -> None:
        sweep(self._at)
        remove_intent(self._at)

    def _undo(self, detail: str) -> JournalLine:
        assert self._intent is not None  # noqa: S101 - nothing to undo before
        self._observer("undo", "before")
        undo(self._at, self._intent)
        self._observer("undo", "after")
        self._observer("record-undo", "before")
        line = self._line("failed", detail)
        try:
            self._journal(line)
        except OSError:
            _log.exception("the failed move %s could not be journaled", self._request.request_id)
        self._observer("record-undo", "after")
        self._clean()
        return line

    def _journal(self, line: JournalLine) -> None:
        if find_in_journal(self._at, line.request_id) is None:
            append_journal(self._at, line)

    def _line(self, outcome: Literal["applied", "failed"], detail: str) -> JournalLine:
        request = self._request
        return JournalLine(
            request_id=request.request_id,
            generation=self._intent.wanted.generation if self._intent else 0,
            at=self._clock.now(),
            before=self._before,
            after=request.route,
            outcome=outcome,
            verified=self._canary_result.verified,
            detail=detail[:_LONGEST_DETAIL],
            steps=tuple(self._durations),
            actor=request.actor,
            reason=request.reason,
            trigger=request.trigger,
            pin_until=request.pin_until,
        )


def _cannot_write(step: Step, error: OSError) -> CannotWriteError:
    return CannotWriteError(
        f"Moving mail failed at {step}: {error.filename or 'a file'} could not be written ({error.strerror}); "
        "Postfix's configuration is as it was; make it writable and try again."
    )
