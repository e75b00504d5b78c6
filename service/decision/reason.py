"""The sentences that say why: one each, with the evidence in it. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime

from probes.observation import Observation, Signal, Source
from service.decision.evidence import Track
from service.decision.fault import Fault
from service.decision.route import ANY_RECEIVER
from service.decision.streak import HardFault, Streak

QUOTED_CHARACTERS = 120
_VERBS = {
    Signal.ARRIVAL: ("loses mail", "probes", "were not found"),
    Signal.PLACEMENT: ("misplaces mail", "probes", "landed in spam"),
    Signal.LATENCY: ("delays mail", "probes", "arrived late"),
    Signal.SESSION: ("refuses mail", "session checks", "failed"),
    Signal.ACCEPTANCE: ("refuses mail", "probes", "were refused"),
    Signal.LIVE: ("refuses mail", "live deliveries", "failed"),
    Signal.AUTHENTICATION: ("breaks authentication", "probes", "failed authentication"),
}
_GOOD = {
    Signal.SESSION: "session checks passed",
    Signal.ACCEPTANCE: "probes accepted",
    Signal.ARRIVAL: "probes arrived",
    Signal.PLACEMENT: "in the inbox",
    Signal.LATENCY: "on time",
    Signal.LIVE: "live messages taken",
    Signal.AUTHENTICATION: "authenticated",
}
_UNITS = {Signal.SESSION: "check", Signal.LIVE: "result"}  # what counts as one; of all others a round


def utc(at: datetime) -> str:
    """Return the time of day as sentences write it."""
    return at.astimezone(UTC).strftime("%H:%M:%S UTC")


def quoted(observation: Observation) -> str:
    """Return the failure's stage and text, short enough for a sentence."""
    stage = f"at {observation.stage.upper()} " if observation.stage else ""
    text = observation.text or observation.category or "no text"
    short = text if len(text) <= QUOTED_CHARACTERS else text[: QUOTED_CHARACTERS - 1] + "…"
    return f'{stage}with "{short}"'


def hard_fault_reason(name: str, fault: HardFault) -> str:
    """Return why this provider is held to take no mail."""
    noun = _attempts(fault.first, fault.last)
    rule = f", rule {fault.last.rule}" if fault.last.rule else ""
    kind = "account fault" if fault.account else f"{fault.last.category or 'unclassified'} fault"
    return (
        f"{name} refuses mail: {fault.count} of {fault.count} {noun} in a row since {utc(fault.since)} "
        f"failed {quoted(fault.last)} ({kind}{rule})."
    )


def streak_reason(name: str, streak: Streak) -> str:
    """Return why this provider is under suspicion."""
    noun = _attempts(streak.first, streak.last)
    failures = f"{streak.count} of {streak.count} {noun}" if streak.count > 1 else f"one of the {noun}"
    return f"{name} is suspected: {failures} since {utc(streak.first.at)} failed {quoted(streak.last)}; not confirmed."


def tested_reason(name: str, receiver: str, signal: Signal, track: Track, *, paired: bool) -> str:
    """Return what the sequential test of this signal has found; `paired`: in comparison with other providers."""
    verb, noun, failed = _VERBS[signal]
    where = "" if receiver == ANY_RECEIVER else f" at {receiver}"
    since = f" since {utc(track.since)}" if track.since else ""
    compared = paired and signal in (Signal.ARRIVAL, Signal.PLACEMENT, Signal.LATENCY)
    beside = " while other providers' did not" if compared else ""
    return f"{name} {verb}{where}: {track.since_bad} of {track.since_total} {noun}{since} {failed}{beside}."


def recovery_progress(fault: Fault) -> str:
    """Return how far a fault is on its way to be over."""
    about = "" if fault.signal is None else "about "
    return f"{fault.good_run} of {about}{fault.good_needed} good {_results(fault, fault.good_needed)}"


def recovery_left(fault: Fault) -> str:
    """Return what would end a fault, as the beginning of a sentence."""
    left = fault.good_needed - fault.good_run
    about = "" if fault.signal is None else "About "
    return f"{about}{left} more good {_results(fault, left)}"


def _results(fault: Fault, count: int) -> str:
    """Return what counts towards recovery from a fault; a test over all receivers counts each one's part of a round."""
    if fault.signal is None:
        return "result" if count == 1 else "results in a row"
    unit = _UNITS.get(fault.signal, "round")
    pooled = unit == "round" and fault.where == ANY_RECEIVER and fault.signal is not Signal.ACCEPTANCE
    return unit + ("" if count == 1 else "s") + (" (each receiver's counted by itself)" if pooled else "")


def healthy_reason(name: str, receiver: str, counts: Iterable[tuple[Signal, int, int]]) -> str:
    """Return what speaks for this provider."""
    where = "" if receiver == ANY_RECEIVER else f" at {receiver}"
    parts = [f"{total - bad} of {total} {_GOOD[signal]}" for signal, bad, total in counts if total]
    return f"{name} works{where}: {', '.join(parts) or 'it takes mail'}."


def _attempts(first: Observation, last: Observation) -> str:
    if first.source is Source.LOG or first.signal is not last.signal:
        return "attempts"
    return "session checks" if last.signal is Signal.SESSION else "probes"
