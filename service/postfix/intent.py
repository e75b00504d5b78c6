"""The root-owned intent file: what a move is about to do, and how to undo it after a crash."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from service.decision.route import Route
from service.postfix.change import Change
from service.postfix.durable import read_text_or_none, write_durably
from service.postfix.errors import ApplyError
from service.postfix.installation import Installation
from service.postfix.state import State, route_from_json, route_json, state_from_json, state_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request for a move, as it goes into the journal."""

    request_id: str
    route: Route
    actor: str = ""
    reason: str = ""
    trigger: str = "manual"
    pin_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One move about to be committed."""

    request: Request
    before: Route | None
    changes: tuple[Change, ...]  # in the order of the commit
    settings_before: Mapping[str, str | None]  # main.cf's own text; None: not in main.cf
    services_before: Mapping[str, str | None]
    owned_dir_existed: bool
    wanted: State


def write_intent(installation: Installation, intent: Intent) -> None:
    """Record the intent; from here on a crash is finished or undone at the next call.

    Raises:
        OSError: it could not be written.
    """
    request = intent.request
    values = {
        "v": 1,
        "request": {
            "request_id": request.request_id,
            "route": route_json(request.route),
            "actor": request.actor,
            "reason": request.reason,
            "trigger": request.trigger,
            "pin_until": request.pin_until.isoformat() if request.pin_until else None,
        },
        "before": route_json(intent.before) if intent.before else None,
        "changes": [{"path": str(c.path), "before": c.before, "after": c.after} for c in intent.changes],
        "settings_before": dict(intent.settings_before),
        "services_before": dict(intent.services_before),
        "owned_dir_existed": intent.owned_dir_existed,
        "wanted": state_json(intent.wanted),
    }
    write_durably(_path(installation), json.dumps(values), mode=0o600)


def read_intent(installation: Installation) -> Intent | None:
    """Return the intent of a move that was cut short, or None.

    Raises:
        ApplyError: the file is damaged.
    """
    text = read_text_or_none(_path(installation))
    if text is None:
        return None
    try:
        return _intent_from_json(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise ApplyError(
            f"Reading {_path(installation)} failed: it is damaged ({type(error).__name__}); compare main.cf and "
            f"master.cf with {installation.helper_dir}/original, then move the file away."
        ) from error


def remove_intent(installation: Installation) -> None:
    """Forget the intent: the move is over."""
    _path(installation).unlink(missing_ok=True)


def _path(installation: Installation) -> Path:
    return installation.helper_dir / "intent.json"


def _intent_from_json(values: dict[str, Any]) -> Intent:
    request = values["request"]
    return Intent(
        request=Request(
            request_id=request["request_id"],
            route=route_from_json(request["route"]),
            actor=request["actor"],
            reason=request["reason"],
            trigger=request["trigger"],
            pin_until=datetime.fromisoformat(request["pin_until"]) if request["pin_until"] else None,
        ),
        before=route_from_json(values["before"]) if values["before"] else None,
        changes=tuple(Change(path=Path(c["path"]), before=c["before"], after=c["after"]) for c in values["changes"]),
        settings_before=values["settings_before"],
        services_before=values["services_before"],
        owned_dir_existed=values["owned_dir_existed"],
        wanted=state_from_json(values["wanted"]),
    )
