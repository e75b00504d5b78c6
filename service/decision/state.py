"""Everything the facts so far amount to: one immutable value, kept between facts and over restarts. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from probes.observation import Observation, Signal
from service.decision.allowance import Allowance
from service.decision.burst import Bursts
from service.decision.codec import decode, encode
from service.decision.evidence import Track
from service.decision.moves import Move, Setback
from service.decision.override import Override
from service.decision.policy import policy_hash
from service.decision.round import Group
from service.decision.route import Route
from service.decision.tally import Tally
from service.decision.trouble import NO_TROUBLE, Trouble

__all__ = [
    "Context",
    "LocalFault",
    "Note",
    "Proposal",
    "ProviderState",
    "Setback",
    "State",
    "initial_state",
    "policy_hash",
    "state_from_json",
    "state_to_json",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderState:
    """What is known of one provider."""

    tracks: Mapping[tuple[str, Signal], Track] = field(default_factory=dict)  # (receiver or "*", signal)
    good_at: datetime | None = None  # it last took mail, or would have
    good_round: str | None = None
    reached_at: datetime | None = None  # it last answered anything
    seen_at: datetime | None = None  # it was last tried, by probe or live mail
    trouble: Trouble = NO_TROUBLE
    allowance: Allowance | None = None  # for confirmation rounds; none: none was spent yet
    bursts: Bursts | None = None  # suspicions that came to nothing; none: there was none yet


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFault:
    """All providers out of reach at once: our own network."""

    since: datetime
    control: str  # what the control check says: "fails", or "has not been made"
    cite: Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A would-be change of one lane already told in observe mode."""

    at: datetime
    route: Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that concerns no provider but a person: a seed, a receiver, our content."""

    at: datetime
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What concerns no single provider and changes seldom."""

    started_at: datetime | None = None
    void_at: datetime | None = None  # latest start, gap or clock jump: running tests began anew
    control_ok: bool | None = None
    control_at: datetime | None = None
    local: LocalFault | None = None
    overrides: tuple[Override, ...] = ()
    moves: tuple[Move, ...] = ()
    route: Route | None = None  # last applied
    lane_times: Mapping[str, datetime] = field(default_factory=dict)  # receiver -> when its lane last changed
    setbacks: tuple[Setback, ...] = ()
    braked_at: datetime | None = None
    acked_at: datetime | None = None
    failed_applies: int = 0  # in a row
    failed_at: datetime | None = None
    proposals: Mapping[str, Proposal] = field(default_factory=dict)  # by the receiver whose lane would change
    notes: Mapping[str, Note] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The fold of all facts so far."""

    at: datetime | None = None  # time of the latest fact
    providers: Mapping[str, ProviderState] = field(default_factory=dict)
    rounds: Mapping[tuple[str, str], Group] = field(default_factory=dict)  # open ones: (round, receiver)
    due_at: datetime | None = None  # when the next of them closes by itself
    closed: tuple[tuple[str, str], ...] = ()  # latest closed ones: what still comes of them is too late
    volumes: Mapping[str, Tally] = field(default_factory=dict)  # receiver, or "*": live messages taken by providers
    context: Context = field(default_factory=Context)


def initial_state() -> State:
    """Return the state before any fact."""
    return State()


def state_to_json(state: State) -> str:
    """Return the state as JSON text."""
    return json.dumps(encode(state), ensure_ascii=False, separators=(",", ":"))


def state_from_json(text: str) -> State:
    """Return the state that `state_to_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: the text is not such a state.
    """
    decoded: State = decode(State, json.loads(text))
    return decoded
