"""Carries `relaypilot replay` out: facts from the file, through one replay or two, and what they find to the reader."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from probes.fact_json import good_check
from service.cli.fact_file import FactFile
from service.cli.page import screen, show
from service.cli.progress import Progress
from service.cli.replay_page import pairs_page, replay_page
from service.cli.replay_row import difference_row, event_row, pair_row
from service.cli.words import span
from service.clock import SystemClock
from service.config_file import policy_of, read_settings
from service.decision.policy import Policy
from service.errors import RelaypilotError, UsageError
from service.move_pairs import MovePair, paired
from service.replay import Event, Replay
from service.survey import Survey

APPLY_SECONDS = 60.0  # from a decision to its record: Postfix is changed and a canary message watched in between
_SAME_SECONDS = 1.0
_SWITCHOVERS = b'"switchover"'
_COUNTED_FACTS = 5000


@dataclass(slots=True)
class _Told:
    """How far a replay has come."""

    facts: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    seconds: float = 0.0


def _policy_for(source: FactFile, base: Path | None) -> tuple[Policy, str | None]:
    """Return the policy and who carried the mail at first; say where the policy comes from."""
    survey = Survey()
    if base is not None:
        policy = policy_of(read_settings(base))
        with Progress("Looking for the first move"):
            for fact in source.facts(only=_SWITCHOVERS):
                survey.see(fact)
                if survey.moved:
                    break
        _say(f"The policy is that of {base}.")
        return policy, survey.active
    with Progress("Looking through the file"):
        for fact in source.facts():
            survey.see(fact)
    guessed = survey.policy()
    if guessed is None:
        raise RelaypilotError(f"Replaying {source.name}: no fact in it names a provider, so there is nothing to judge.")
    seeds = f"{len(guessed.seeds)} seeds at {', '.join(guessed.receivers)}" if guessed.seeds else "no seeds"
    _say(
        f"The policy is guessed from the file: providers {', '.join(guessed.providers)} in order of appearance; "
        f"{seeds}; session checks every {span(guessed.session_interval_seconds)}, rounds every "
        f"{span(guessed.round_interval_seconds)}; the rest as by default. Give --config for another."
    )
    return guessed, survey.active


def replay_alone(file: str, base: Path | None, *, as_table: bool) -> None:
    """Replay under the policy of the configuration `base`, or without one under what the file suggests."""
    source = FactFile(file)
    policy, active = _policy_for(source, base)
    one, told = Replay(policy, active), _Told()
    events: list[Event] = []
    for event in _run(source, (one,), told, quiet=sys.stdout.isatty() and not as_table):
        if as_table:
            events.append(event)
        else:
            _print(event_row(event))
    differing = _differing(one)
    if as_table:
        show(replay_page(events, differing, APPLY_SECONDS, screen()))
    else:
        for pair in differing:
            _print(difference_row(pair))
    _say(_summary(one, told))
    if one.recorded:
        recorded = sum(1 for change in one.recorded if change.moves)
        agree = "as the record has it" if not differing else f"{len(differing)} differ from the record"
        _say(f"On record are {recorded} moves by automation: {agree}.")


def replay_beside(file: str, base: Path | None, against: Path, *, as_table: bool) -> None:
    """Replay under two policies and show their moves side by side; `against` may hold only what it changes."""
    source, name = FactFile(file), str(against)
    theirs = policy_of(read_settings(against, base))
    ours, active = _policy_for(source, base)
    this, other, told = Replay(ours, active), Replay(theirs, active), _Told()
    for _ in _run(source, (this, other), told, quiet=sys.stdout.isatty() and not as_table):
        pass
    pairs = paired(this.moves, other.moves)
    settings = _settings(this.policy, other.policy)
    if as_table:
        show(pairs_page(settings, pairs, name, _SAME_SECONDS, screen()))
    else:
        for key, (ours, theirs) in settings.items():
            _print({"kind": "setting", "name": key, "this": ours, "against": theirs})
        for pair in pairs:
            _print(pair_row(pair, _SAME_SECONDS))
    differing = sum(1 for pair in pairs if pair.differs(_SAME_SECONDS))
    _say(_summary(this, told))
    _say(f"{name}: {_moves(other)}; {differing} of {len(pairs)} differ.")


def _run(source: FactFile, replays: Sequence[Replay], told: _Told, *, quiet: bool) -> Iterator[Event]:
    """Fold the file in each of the replays and yield what they find."""
    clock = SystemClock()
    began = clock.monotonic()
    with nullcontext() if quiet else Progress("Replaying") as progress:
        for number, line in source.lines():
            told.facts += 1
            check, fact = good_check(line), None
            for one in replays:
                if check is None or not one.passes(*check):
                    fact = fact or source.fact(number, line)
                    yield from one.tell(fact)
            told.last_at = check[0] if fact is None and check is not None else fact.at if fact is not None else None
            told.first_at = told.first_at or told.last_at
            if progress is not None and told.facts % _COUNTED_FACTS == 0:
                progress.count(f"{told.facts:,} facts")
        for one in replays:
            yield from one.finish()
    told.seconds = clock.monotonic() - began
    first = replays[0]
    if first.strangers and sum(first.strangers.values()) == first.observations:
        raise UsageError(
            f"Replaying {source.name}: its facts are of {', '.join(first.strangers)}, the policy knows only "
            f"{', '.join(first.policy.providers)}; give the configuration they belong to with --config, or --guess."
        )
    if first.strangers:
        _say(f"Left out, because the policy does not name them: facts of {', '.join(first.strangers)}.")


def _differing(one: Replay) -> list[MovePair]:
    """Return where the replay and the record differ; nothing when the file records no moves."""
    if not one.recorded:
        return []
    return [pair for pair in paired(one.recorded, one.moves) if pair.differs(APPLY_SECONDS)]


def _settings(one: Policy, other: Policy) -> Mapping[str, tuple[Any, Any]]:
    ours, theirs = asdict(one), asdict(other)
    return {key: (ours[key], theirs[key]) for key in ours if ours[key] != theirs[key]}


def _summary(one: Replay, told: _Told) -> str:
    days = f" over {span((told.last_at - told.first_at).total_seconds())}" if told.first_at and told.last_at else ""
    rate = f" ({told.facts / told.seconds:,.0f} a second)" if told.seconds else ""
    return f"{told.facts:,} facts{days} replayed in {span(told.seconds)}{rate}: {_moves(one)}."


def _moves(one: Replay) -> str:
    moves = sum(1 for change in one.moves if change.moves)
    would = "" if one.policy.mode == "enforce" else "would-be "
    shares = sum(1 for change in one.moves if change.shares)
    beside = f" and {shares} {would}change{'' if shares == 1 else 's'} of shares" if shares else ""
    return f"{moves} {would}move{'' if moves == 1 else 's'}{beside}"


def _print(row: Mapping[str, Any]) -> None:
    print(json.dumps(row, ensure_ascii=False))


def _say(sentence: str) -> None:
    """Say something beside the result."""
    print(sentence, file=sys.stderr, flush=True)
