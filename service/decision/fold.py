"""The fold: one fact after another, in recording order, into the state. Pure."""

from dataclasses import replace
from datetime import datetime

from probes.observation import Fact, Notice, Observation, Outcome, Signal, Source
from service.decision.acceptance import LIVE_STAMP, asked, came_late, refused, took
from service.decision.notice import noticed
from service.decision.placement import close_due, in_round
from service.decision.policy import Policy
from service.decision.state import State
from service.decision.suspicion import charged
from service.decision.volume import with_volume

_HAND_OVER = (Signal.SESSION, Signal.ACCEPTANCE, Signal.LIVE)


def step(state: State, fact: Fact, policy: Policy) -> State:
    """Return the state after one more fact. Time is the facts' own: rounds whose deadline has passed close first."""
    if state.due_at is not None and fact.at >= state.due_at:
        state = close_due(state, fact.at, policy)
    if isinstance(fact, Notice):
        return noticed(replace(state, at=fact.at), fact, policy)
    if fact.provider not in policy.providers:
        return state
    return _observed(state, fact, policy)


def _observed(state: State, observation: Observation, policy: Policy) -> State:
    if observation.signal is Signal.LIVE and observation.outcome is Outcome.GOOD:
        state = with_volume(state, observation, policy)
    void_at = state.context.void_at
    if void_at is not None and _began(observation) < void_at:
        known = observation.signal in _HAND_OVER and observation.outcome is not Outcome.UNKNOWN
        return came_late(state, observation, policy) if known else state
    if observation.signal not in _HAND_OVER:
        return in_round(state, observation, policy)
    if observation.signal is Signal.ACCEPTANCE:
        if observation.confirmation:
            state = charged(state, observation, policy)
        state = in_round(state, observation, policy)
    if observation.outcome is Outcome.GOOD:
        return took(state, observation, policy)
    if observation.outcome is Outcome.BAD:
        return refused(state, observation, policy)
    return _unknown(state, observation)


def _began(observation: Observation) -> datetime:
    """Return how old at most this result may be: what a log tells is stamped with the end of its ten seconds."""
    return observation.at - LIVE_STAMP if observation.source is Source.LOG else observation.at


def _unknown(state: State, observation: Observation) -> State:
    """Return the state after a try that showed nothing: it counts for nobody, but a confirmation is spent."""
    provider = state.providers.get(observation.provider)
    if provider is None or not observation.confirmation:
        return state
    provider = replace(provider, trouble=asked(provider.trouble, observation))
    return replace(state, providers={**state.providers, observation.provider: provider})
