import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from deploy.sandbox.demo_show import FAILED, Scene
from deploy.sandbox.demo_view import screen
from deploy.sandbox.demo_watch import Event, Sight
from deploy.sandbox.ledger import Counts

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def _health(provider: str, receiver: str, status: str = "healthy", severity: str = "none") -> dict[str, Any]:
    numbers = {"session": (31, 31), "acceptance": (20, 22), "placement": (17, 19), "live": (40, 41)}
    return {
        "provider": provider,
        "receiver": receiver,
        "status": status,
        "severity": severity,
        "signals": [{"signal": s, "good": k, "n": n} for s, (k, n) in numbers.items()],
    }


def _sight() -> Sight:
    providers = [
        {"name": name, "health": _health(name, "*", *health), "receivers": [_health(name, r) for r in receivers]}
        for name, health in (
            ("mailgun", ("recovering", "misplacing")),
            ("sendgrid", ("healthy", "none")),
            ("acme", ("unknown", "none")),
        )
        for receivers in [("gmail", "microsoft", "yahoo")]
    ]
    return Sight(
        route=("sendgrid", "acme"),
        faults={"mailgun": ("suspended",)},
        carried={"mailgun": 1234, "sendgrid": 56, "acme": 0},
        per_second={"sendgrid": 5.0},
        counts=Counts(
            sent=1290,
            inbox=1200,
            spam=80,
            late=7,
            bounced=0,
            lost=0,
            twice=3,
            queued=4,
            underway=2,
            dropped=0,
        ),
        status={"providers": providers},
    )


def _shown(width: int, height: int, scene: Scene, sight: Sight, events: list[Event]) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(screen(scene, sight, events, "1:02", 5.0, console.size), end="")
    return capture.get().rstrip("\n").split("\n")


_SCENE = Scene(chapter="spam", caption="mailgun delivers to spam.", marks={"before": "", "takeover": FAILED})
_EVENTS = [
    Event(at=NOW + timedelta(seconds=n), kind="move", sentence=f"Mail moved to provider {n}: " + "because " * 60)
    for n in range(20)
]


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (160, 45), (220, 70)])
def test_the_screen_fits_the_terminal_and_shows_every_part(size: tuple[int, int]) -> None:
    lines = _shown(*size, _SCENE, _sight(), _EVENTS)
    text = "\n".join(lines)
    assert len(lines) == size[1]
    assert max(map(len, lines)) <= size[0]
    for part in ("mailgun delivers to spam.", "Route", "Live mail", "Health", "What happened", "▸ spam"):
        assert part in text
    for provider in ("mailgun", "sendgrid", "acme"):
        assert provider in text


@pytest.mark.parametrize("size", [(100, 30), (160, 45)])
def test_health_is_shown_as_k_of_n_for_each_provider_and_receiver(size: tuple[int, int]) -> None:
    text = "\n".join(_shown(*size, _SCENE, _sight(), []))
    assert text.count("17/19") >= 9
    assert text.count("31/31") >= 3
    assert "recovering (misplacing)" in text
    assert all(receiver in text for receiver in ("gmail", "microsoft", "yahoo"))


def test_the_route_names_who_carries_mail_and_who_is_out_of_it() -> None:
    lines = _shown(100, 30, _SCENE, _sight(), [])
    first = next(line for line in lines if "1 sendgrid" in line)
    assert "5.0/s" in first
    assert any("2 acme" in line for line in lines)
    out = next(line for line in lines if "- mailgun" in line)
    assert "out of the route" in out
    assert "1234" in out
    assert "suspended" in out


def test_the_counters_are_the_ledgers() -> None:
    text = "\n".join(_shown(100, 30, _SCENE, _sight(), []))
    for name, number in {"sent": 1290, "inbox": 1200, "spam": 80, "late": 7, "twice": 3, "queued": 6}.items():
        assert re.search(rf"\b{name} +{number}\b", text), name


def test_the_newest_event_stands_first_and_is_cut_to_leave_room_for_others() -> None:
    text = "\n".join(_shown(100, 30, _SCENE, _sight(), _EVENTS))
    assert text.index("provider 19:") < text.index("provider 18:") < text.index("provider 17:")
    assert "…" in text


def test_a_world_of_which_nothing_is_known_yet_can_be_shown() -> None:
    assert len(_shown(100, 30, Scene(), Sight(), [])) == 30
