"""What the API answers and the command line shows: one model each, the same for both."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class View(BaseModel):
    """Base of everything that crosses the API."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SignalView(View):
    """One signal as k/n over the evidence lifetime; never a bare percentage."""

    signal: str
    good: int
    n: int
    low_ratio: float | None = Field(None, description="Lower end of the 95 % Wilson interval.")
    high_ratio: float | None = Field(None, description="Upper end of the 95 % Wilson interval.")


class HealthView(View):
    """Health of one provider for one receiver ("*": all)."""

    provider: str
    receiver: str
    status: str = Field(description="unknown, healthy, suspect, degraded or recovering")
    severity: str = Field(description="none, late, misplacing, losing or refusing")
    reason: str
    since: datetime | None = None
    needs_ack: bool = Field(False, description="An account fault keeps it away until a person acknowledges it.")
    signals: tuple[SignalView, ...] = ()


class ProviderView(View):
    """One configured provider."""

    name: str
    kind: str
    nexthop: str
    position: int | None = Field(description="Place in the route in force, 0 is tried first; absent: not in it.")
    health: HealthView
    receivers: tuple[HealthView, ...] = ()


class ShareView(View):
    """Part of a lane's mail that tries another provider first."""

    provider: str
    percent: int
    kind: str = Field(description="warm, canary or overflow")


class LaneView(View):
    """Which providers carry one receiver's mail ("*": all that has no lane of its own)."""

    receiver: str
    providers: tuple[str, ...]
    shares: tuple[ShareView, ...] = ()


class RouteView(View):
    """The route as Postfix reports it beside the one relaypilot assigned."""

    reported: tuple[str, ...] | None = Field(
        description="Providers in order; absent when Postfix's route is not relaypilot's."
    )
    assigned: tuple[str, ...] | None
    generation: int
    drift: tuple[str, ...] = Field((), description="Hand edits of owned settings, one sentence each.")
    postfix_running: bool
    problem: str | None = Field(None, description="Why the route could not be read.")
    lanes: tuple[LaneView, ...] = Field(
        (), description="As Postfix reports them: all mail first, then receivers whose mail goes a way of its own."
    )


class OverrideView(View):
    """A pause, pin or drain in force."""

    verb: str
    provider: str | None
    receiver: str | None = Field(None, description="Of a pin: whose mail alone it holds.")
    until: datetime | None
    actor: str
    reason: str


class EventView(View):
    """Something worth telling, in one sentence."""

    at: datetime
    kind: str = Field(description="health, move, blocked, override, drift, control, config, start")
    sentence: str
    provider: str | None = None


class StatusView(View):
    """Everything `status` and the dashboard show."""

    at: datetime
    version: str
    mode: str
    daemon: Literal["running", "not running"] = "running"
    pid: int | None = None
    started_at: datetime | None = None
    sentence: str = Field(description="What relaypilot is doing about the route, and why.")
    route: RouteView
    providers: tuple[ProviderView, ...]
    overrides: tuple[OverrideView, ...] = ()
    events: tuple[EventView, ...] = Field((), description="Newest first.")
    problems: tuple[str, ...] = Field((), description="What needs a person: control check failing, drift, bad reload …")
    braked_at: datetime | None = Field(None, description="When the brake stopped automation, until a person's ack.")
    seeds: dict[str, str | None] = Field(
        {}, description='Seed → why it cannot be searched; "not looked at yet"; or nothing when it can.'
    )


class RefusalView(View):
    """A safety rule that stands against a plan."""

    rule: str
    sentence: str
    forceable: bool


class PlanView(View):
    """What a failover would change, and whether it may."""

    to: str
    receiver: str | None = Field(None, description="Whose mail alone would move; absent: all mail.")
    current: tuple[str, ...] | None
    wanted: tuple[str, ...]
    changes: tuple[str, ...]
    diff: str = Field(description="Unified diff of Postfix's configuration; secrets masked.")
    refusals: tuple[RefusalView, ...] = ()
    warnings: tuple[str, ...] = Field((), description="Settings of Postfix that beat the route for some of the mail.")
    capacity: str | None = Field(None, description="Whether the target can carry the mail of the busiest hour lately.")


class FailoverRequest(View):
    """A manual failover."""

    to: str
    receiver: str | None = Field(None, description="Move this receiver's mail alone; absent: all mail.")
    for_seconds: float | None = Field(
        None, ge=0, le=366 * 86400, description="Pin for this long; 0: no pin; absent: policy.manual_pin."
    )
    reason: str = ""
    force: bool = False
    actor: str = "api"


class MoveView(View):
    """What became of a move."""

    request_id: str
    outcome: Literal["applied", "unchanged"]
    receiver: str | None = Field(None, description="Whose mail alone was moved; absent: all mail.")
    route: tuple[str, ...]
    generation: int
    verified: bool = Field(description="The canary message was seen going out through the new provider.")
    pinned_until: datetime | None = None
    flushed: int | None = Field(None, description="Deferred messages that were tried again.")
    duration_seconds: float
    sentence: str


class OverrideRequest(View):
    """A person's order to automation, or its end. Every order expires."""

    verb: Literal["pause", "resume", "pin", "unpin", "drain", "undrain", "ack"]
    provider: str | None = Field(
        None, description="Needed for pin, drain and undrain; ack without one lifts the brake."
    )
    for_seconds: float | None = Field(
        None, gt=0, le=366 * 86400, description="How long pause, pin and drain hold; absent: policy.manual_pin."
    )
    reason: str = ""
    actor: str = "api"


class HistoryEntryView(View):
    """One journal row."""

    at: datetime
    kind: str = Field(description="detected, intended, applied, failed, blocked, imported")
    trigger: str
    actor: str
    reason: str
    rule: str
    from_route: tuple[str, ...] | None = None
    to_route: tuple[str, ...] | None = None
    receiver: str | None = Field(None, description="Whose mail alone is meant; absent: all mail.")
    enforced: bool
    detail: str = ""
    request_id: str = ""


class ExplainView(View):
    """Why it is not moving, or why it moved, and what would change that."""

    sentence: str
    rule: str
    blocked_by: tuple[str, ...] = ()
    would_change: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    route: tuple[str, ...] = Field((), description="The way of each lane's mail, in words, shares included.")
    providers: tuple[HealthView, ...] = ()
    last_move: str | None = Field(None, description="When the last move was made, to where and why.")


class CompareRowView(View):
    """One provider at one receiver ("*": all) over the window. Probes asked for by suspicion are not counted."""

    provider: str
    receiver: str
    acceptance: SignalView = Field(description="Probes that it took, of those handed to it.")
    inbox: SignalView = Field(description="Probes in the inbox, of those found.")
    spam: SignalView = Field(description="Probes in the spam folder, of those found.")
    missing: SignalView = Field(description="Probes not found by the deadline, of those taken.")
    late: SignalView = Field(description="Probes that came late, of those found.")
    authentication: SignalView = Field(description="Probes whose SPF, DKIM and DMARC the receiver found good.")
    sessions: SignalView = Field(description="Session checks passed.")
    live: SignalView = Field(description="Live messages that it took, of those handed to it.")
    latency_p50_seconds: float | None = Field(description="From acceptance to arrival, to within 1 %.")
    latency_p90_seconds: float | None
    latency_p99_seconds: float | None
    watched_seconds: float = Field(description="Time in which the provider was measured without a pause.")
    availability_ratio: float | None = Field(
        description="Share of the watched time without an incident in which mail was refused or lost."
    )
    incidents: int = Field(description="Times in which it was held degraded.")
    incidents_without_mail: int = Field(description="Of the incidents, those in which mail was refused or lost.")
    incidents_open: int = Field(description="Of the incidents, those that have not ended.")
    mtbf_seconds: float | None = Field(description="Watched time without incident, per incident.")
    mttr_seconds: float | None = Field(description="Mean length of the incidents that ended: first bad to first good.")
    currency: str | None = None
    cost_per_thousand: float | None = Field(None, description="By its price table at `messages_a_month`.")
    cost_a_month: float | None = Field(None, description="If it carried all of `messages_a_month`.")
    data_region: str | None = Field(None, description="As declared in the configuration, like the next three.")
    retention: str | None = None
    certifications: tuple[str, ...] = ()
    support: str | None = None


class DifferenceView(View):
    """Two providers in one signal at one receiver, by the rounds that measured both with the same seeds."""

    first: str
    second: str
    receiver: str
    signal: str = Field(description="acceptance, arrival, placement, latency or authentication")
    better: str | None = Field(description="Who fares better; absent while no difference is proven.")
    worse: str | None
    rounds: int = Field(description="Rounds that measured both.")
    first_better: int = Field(description="Of these, those in which the first fared better.")
    second_better: int
    probes: int = Field(description="Pairs of probes: same round, same seed.")
    only_first: int = Field(description="Of these, those that went well through the first alone.")
    only_second: int
    log_evidence: float = Field(description="Natural logarithm of the e-value against there being no difference.")
    log_needed: float = Field(
        description="What it must reach: 5 % risk a year for all tests together, however often one looks."
    )
    sentence: str


class CompareView(View):
    """The providers side by side, over whole hours."""

    since: datetime
    until: datetime
    rows: tuple[CompareRowView, ...]
    differences: tuple[DifferenceView, ...] = ()
    tests: int = Field(0, description="Tests of a difference that are looked at together: pairs, signals, receivers.")
    rounds_needed: int | None = Field(
        None, description="Rounds that would prove a difference if all spoke for the same provider; fewer never can."
    )
    note: str = Field("", description="What is to be said of the pairs of which no difference is proven.")
    live_messages: int = Field(0, description="Live messages that all providers took.")
    messages_a_month: float | None = Field(None, description="The same in 30 days at the measured pace.")


class ProbeRequest(View):
    """One round now."""

    provider: str | None = None
    seed: str | None = None


class ProbeProgressView(View):
    """One line of a round's progress."""

    at: datetime
    provider: str
    seed: str | None
    receiver: str | None
    signal: str
    outcome: str
    value: float | str | None = None
    text: str | None = None
    sentence: str
