"""What Postfix holds now, and where it differs from what relaypilot last wrote."""

import fcntl
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from service.decision.route import Route, simple_route
from service.postfix.command import run
from service.postfix.durable import read_text_or_none
from service.postfix.errors import BrokenConfigurationError, CommandFailedError, RouteRefusedError
from service.postfix.installation import Installation
from service.postfix.lane_maps import DOMAINS, LANES
from service.postfix.map_list import INDEX_SUFFIXES
from service.postfix.nexthop import providers_of
from service.postfix.own_settings import read_surroundings
from service.postfix.render import Rendering, render
from service.postfix.route_check import receivers_refused, refused_here, shares_refused
from service.postfix.state import State, read_state
from service.postfix.surroundings import NO_SURROUNDINGS, SHARED_SETTINGS, Surroundings
from service.postfix.table_rows import kind_of
from service.postfix.textdiff import masked, shortened, unified

ROUTE_SETTINGS = ("relayhost", "default_transport")
_OVERRIDING = (  # each beats relayhost (postconf(5) relayhost, trivial-rewrite(8))
    "transport_maps",
    "sender_dependent_relayhost_maps",
    "sender_dependent_default_transport_maps",
)
_OTHER_SETTINGS = ("message_size_limit", "queue_directory")
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z0-9_-]+) =\s?(?P<value>.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One owned setting, service or file that differs from what relaypilot wrote."""

    kind: str  # "setting", "service", "file"
    name: str
    diff: str  # unified, from what was written to what was found; secrets masked

    @property
    def sentence(self) -> str:
        """Return the drift as one sentence."""
        return f"{self.kind} {self.name} is not what relaypilot wrote."


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """What Postfix holds now."""

    route: Route | None  # None: relaypilot never applied one here, or relayhost was changed to something else
    generation: int  # 0: never applied
    request_id: str | None = None  # of the move last applied
    drift: tuple[Drift, ...] = ()
    running: bool = False
    interrupted: bool = False  # a move was cut short and awaits its completion
    settings: Mapping[str, str] = field(default_factory=dict)  # route and owned settings of main.cf, in force
    services: Mapping[str, str] = field(default_factory=dict)  # owned services of master.cf
    files: Mapping[str, str] = field(default_factory=dict)  # owned files, secrets masked
    message_size_limit: int = 0  # bytes; 0: none
    overrides: Mapping[str, str] = field(default_factory=dict)  # the administrator's, that beat the route
    outdated: tuple[str, ...] = ()  # settings, services, files that today's configuration would write differently
    surroundings: Surroundings = NO_SURROUNDINGS
    refused: str | None = None  # why no route can be written beside what the administrator has; None: one can
    shares_refused: str | None = None  # why this Postfix cannot be given shares; None: it can
    receivers_refused: str | None = None  # why it cannot be given lanes for receivers; None: it can


def read_current(installation: Installation) -> Current:
    """Read back what Postfix holds; changes nothing.

    Raises:
        BrokenConfigurationError: Postfix cannot read its configuration.
        CommandError: one of its commands could not be run.
        ApplyError: relaypilot's own record is damaged.
    """
    state = read_state(installation)
    owned = state.rendering if state else None
    names = dict.fromkeys([*ROUTE_SETTINGS, *(owned.settings if owned else ()), *_OVERRIDING, *_OTHER_SETTINGS])
    settings = read_settings(installation, names)
    services = read_services(installation)
    texts = {path: read_text_or_none(installation.config_dir / path) for path in (owned.files if owned else ())}
    known = {at.nexthop.lower(): name for name, at in installation.providers.items()} | dict(
        state.nexthops if state else {}
    )
    drift = tuple(_drift(state, settings, services, texts)) if state else ()
    route = _route_in_force(state, drift, settings, known) if state else None
    limit = int(size) if (size := settings["message_size_limit"]).isdecimal() else 0
    seen = read_surroundings(installation, state)
    shown = dict.fromkeys([*ROUTE_SETTINGS, *(owned.settings if owned else ())])
    return Current(
        route=route,
        generation=state.generation if state else 0,
        request_id=state.request_id if state else None,
        drift=drift,
        running=is_running(installation, Path(settings["queue_directory"])),
        interrupted=(installation.helper_dir / "intent.json").exists(),
        settings={name: settings[name] for name in shown if name in settings},
        message_size_limit=limit,
        services={name: line for name, line in services.items() if owned and name in owned.services},
        files={path: shortened(masked(path, text)) for path, text in texts.items() if text is not None},
        overrides=_overrides(settings, seen),
        outdated=_outdated(installation, route, owned, limit, seen) if route and owned else (),
        surroundings=seen,
        refused=refused_here(installation, seen),
        shares_refused=shares_refused(installation, seen),
        receivers_refused=receivers_refused(installation, seen),
    )


def _overrides(settings: Mapping[str, str], seen: Surroundings) -> dict[str, str]:
    """Return what of the administrator's beats the route for some mail, without our own entries there."""
    values = {name: settings.get(name, "") if name not in seen.own else seen.own_value(name) for name in _OVERRIDING}
    return {name: value for name, value in values.items() if value}


def _route_in_force(
    state: State,
    drift: tuple[Drift, ...],
    settings: Mapping[str, str],
    known: Mapping[str, str],
) -> Route | None:
    """Return the route as written; after a hand edit of what carries it, what is left: the list for all mail."""
    if not any(one.name in SHARED_SETTINGS or kind_of(one.name) in (LANES, DOMAINS) for one in drift):
        return state.route
    _, colon, nexthops = settings["default_transport"].partition(":")
    providers = providers_of(nexthops if colon else settings["relayhost"], known)
    return simple_route(*providers) if providers else None


def _outdated(
    installation: Installation, route: Route, owned: Rendering, message_size_limit: int, seen: Surroundings
) -> tuple[str, ...]:
    """Return the names of what was written for this route and would be written differently today.

    Secrets are compared too; only names are returned. Nothing is outdated in a route that cannot be written any
    more, such as one that names a provider no longer configured: that needs another route.
    """
    try:
        wanted = render(route, installation, message_size_limit, seen)
    except RouteRefusedError:
        return ()
    pairs: tuple[tuple[Mapping[str, object], Mapping[str, object]], ...] = (
        (owned.settings, wanted.settings),
        (owned.services, wanted.services),
        (owned.files, wanted.files),
    )
    return tuple(name for before, after in pairs for name in {**before, **after} if before.get(name) != after.get(name))


def _drift(
    state: State,
    settings: Mapping[str, str],
    services: Mapping[str, str],
    texts: Mapping[str, str | None],
) -> list[Drift]:
    owned, found = state.rendering, []
    for name, wanted in owned.settings.items():
        seen = settings.get(name, "")
        if seen != wanted:
            diff = unified("main.cf", [f"{name} = {wanted}"], [f"{name} = {seen}"])
            found.append(Drift(kind="setting", name=name, diff=diff))
    for name, wanted in owned.services.items():
        line = services.get(name, "")
        if line != wanted:
            found.append(
                Drift(kind="service", name=name, diff=unified("master.cf", service_lines(wanted), service_lines(line)))
            )
    for path, file in owned.files.items():
        text = texts[path]
        if text != file.text:
            before, after = shortened(masked(path, file.text)), shortened(masked(path, text or ""))
            diff = unified(path, before.splitlines(), after.splitlines()) or "only a secret differs\n"
            found.append(Drift(kind="file", name=path, diff=diff))
        elif mode_of(path) != (file.mode, 0):
            mode, owner = mode_of(path)
            diff = f"mode {mode:o} and owner {owner} instead of mode {file.mode:o} and owner 0\n"
            found.append(Drift(kind="file", name=path, diff=diff))
        if file.index and _index_missing(path + INDEX_SUFFIXES[file.index], file.mode):
            diff = (
                f"the indexed form {path}{INDEX_SUFFIXES[file.index]} is missing, or not root's of mode {file.mode:o}\n"
            )
            found.append(Drift(kind="file", name=path, diff=diff))
    return found


def _index_missing(path: str, mode: int) -> bool:
    try:
        return mode_of(path) != (mode, 0)
    except FileNotFoundError:
        return True


def mode_of(path: str) -> tuple[int, int]:
    """Return the permission bits and the owner of a file."""
    status = Path(path).stat()
    return status.st_mode & 0o7777, status.st_uid


def service_lines(line: str) -> list[str]:
    """Return a service with one option a line."""
    return line.replace(" -o ", "\n    -o ").splitlines()


def read_settings(installation: Installation, names: Mapping[str, object]) -> dict[str, str]:
    """Return main.cf settings as in force, defaults included; what Postfix does not know is left out.

    Raises:
        BrokenConfigurationError: Postfix cannot read main.cf.
    """
    out = _read(installation, list(names))
    matches = (_ASSIGNMENT.fullmatch(line) for line in out.splitlines())
    return {match["name"]: match["value"] for match in matches if match and match["name"] in names}


def read_services(installation: Installation) -> dict[str, str]:
    """Return master.cf's services by "name/type", each as one line with single blanks.

    Raises:
        BrokenConfigurationError: Postfix cannot read master.cf.
    """
    lines = (" ".join(line.split()) for line in _read(installation, ["-M"]).splitlines())
    return {"/".join(line.split(" ", 2)[:2]): line for line in lines if line}


def _read(installation: Installation, arguments: list[str]) -> str:
    try:
        return run("postconf", arguments, config_dir=installation.config_dir, search_path=installation.search_path)
    except CommandFailedError as error:
        raise BrokenConfigurationError(
            f"Postfix's configuration in {installation.config_dir} cannot be read ({error.stderr or error}); "
            "nothing was changed; repair it first."
        ) from error


def is_running(installation: Installation, queue_directory: Path | None = None) -> bool:
    """Return whether this instance's master process runs: it holds a lock as long as it does.

    That is what `postfix status` comes to (master(8) -t), after ten processes and 30 ms (Postfix 3.7.11, 2026-11).
    `queue_directory` is asked for when it is not given.
    """
    if queue_directory is None:
        queue_directory = Path(read_settings(installation, {"queue_directory": None})["queue_directory"])
    try:
        with (queue_directory / "pid/master.pid").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass  # it has never run
    return False
