"""What relaypilot last wrote into Postfix: the root-owned record that drift is measured against."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.decision.route import Lane, Route, Share, ShareKind
from service.postfix.durable import read_text_or_none, write_durably
from service.postfix.errors import ApplyError
from service.postfix.installation import Installation
from service.postfix.rendering import Lookup, OwnedFile, Rendering


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The route last applied, and every byte that belongs to it."""

    generation: int  # counts applied moves; 0 before the first
    request_id: str
    route: Route
    nexthops: Mapping[str, str]  # nexthop in lower case -> provider
    rendering: Rendering
    own: Mapping[str, str | None] = field(default_factory=dict)  # what the settings held before; None: not in main.cf


def route_json(route: Route) -> list[dict[str, Any]]:
    """Return a route as the list of its lanes; a lane without shares has no key for them."""
    return [
        {
            "stream": lane.stream,
            "receiver": lane.receiver,
            "providers": list(lane.providers),
            **({"shares": [_share_json(share) for share in lane.shares]} if lane.shares else {}),
        }
        for lane in route.lanes
    ]


def _share_json(share: Share) -> dict[str, Any]:
    return {"provider": share.provider, "percent": share.percent, "kind": str(share.kind)}


def route_from_json(lanes: list[dict[str, Any]]) -> Route:
    """Return the route of a list of lanes.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    return Route(
        lanes=tuple(
            Lane(
                stream=lane["stream"],
                receiver=lane["receiver"],
                providers=tuple(lane["providers"]),
                shares=tuple(
                    Share(provider=share["provider"], percent=share["percent"], kind=ShareKind(share["kind"]))
                    for share in lane.get("shares", ())
                ),
            )
            for lane in lanes
        )
    )


def state_json(state: State) -> dict[str, Any]:
    """Return the state as JSON values. It holds passwords: for files of mode 0600 only."""
    rendering = state.rendering
    return {
        "v": 1,
        "generation": state.generation,
        "request_id": state.request_id,
        "route": route_json(state.route),
        "nexthops": dict(state.nexthops),
        "settings": dict(rendering.settings),
        "services": dict(rendering.services),
        "files": {
            path: {"text": file.text, "mode": file.mode, **({"index": file.index} if file.index else {})}
            for path, file in rendering.files.items()
        },
        "lookups": [[lookup.map, lookup.key, list(lookup.answers)] for lookup in rendering.lookups],
        "own": dict(state.own),
    }


def state_from_json(values: dict[str, Any]) -> State:
    """Return the state of JSON values."""
    return State(
        generation=values["generation"],
        request_id=values["request_id"],
        route=route_from_json(values["route"]),
        nexthops=values["nexthops"],
        rendering=Rendering(
            settings=values["settings"],
            services=values["services"],
            files={
                path: OwnedFile(text=f["text"], mode=f["mode"], index=f.get("index", ""))
                for path, f in values["files"].items()
            },
            lookups=tuple(
                Lookup(map=name, key=key, answers=tuple(answers)) for name, key, answers in values.get("lookups", ())
            ),
        ),
        own=values.get("own", {}),  # absent from what versions without shares wrote
    )


def read_state(installation: Installation) -> State | None:
    """Return what was last applied, or None when relaypilot never applied a route here.

    Raises:
        ApplyError: the record is damaged, or not for this user.
    """
    path = installation.helper_dir / "state.json"
    try:
        text = read_text_or_none(path)
    except OSError as error:
        raise ApplyError(f"Reading {path} failed: {error.strerror}; the route's record is for root alone.") from error
    if text is None:
        return None
    try:
        return state_from_json(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise ApplyError(
            f"Reading {path} failed: it is damaged ({type(error).__name__}); move it away and apply the route again."
        ) from error


def write_state(installation: Installation, state: State) -> None:
    """Replace the record.

    Raises:
        OSError: it could not be written; the former record stands.
    """
    write_durably(installation.helper_dir / "state.json", json.dumps(state_json(state)), mode=0o600)


def forget_state(installation: Installation) -> None:
    """Remove the record: relaypilot has applied nothing here."""
    (installation.helper_dir / "state.json").unlink(missing_ok=True)
