"""Sequential tests: the evidence for and against one provider at one receiver in one signal. Pure.

Each test is a bank of CUSUMs on the log-likelihood ratio. Its unit is the cluster: results that share a
cause (one round x receiver, one session check, one minute of live mail) weigh as much as one result, by the
mean of their log-likelihood ratios; E[exp(mean)] <= 1 under the healthy hypothesis whatever the dependence
inside the cluster, so the false alarm rate that `calibration` computed holds.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from math import sqrt

from probes.observation import Observation
from service.decision.calibration import Bank
from service.decision.recovery import climbed, recovered
from service.decision.tally import Tally, count

CITED = 3  # bad observations kept to be quoted
# Healthy clusters before the baseline may rise. Before, only the CUSUM of the deepest failure runs: a provider that has
# always had a little spam would else be taken for one that has got worse, again and again, and never be learnt.
BASELINE_CLUSTERS = 100
ALONE = 0.8  # of the bad results may be at one seed where there are several
DRIFT = 2.0  # the tests take for healthy up to this many times the bound: healthy rates drift
_Z = 1.645  # one-sided 95 %
_NONE_YET = (0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What is known of one provider at one receiver in one signal."""

    tally: Tally
    last_at: datetime
    scores: tuple[float, ...] = ()  # one a depth; empty when nothing is tested here
    base: tuple[float, ...] = ()  # the scores before the current cluster
    cluster: str = ""
    cluster_bad: int = 0
    cluster_total: int = 0
    level: int = 0  # of the bank: which healthy rate is assumed
    healthy: tuple[int, int] = (0, 0)  # bad and all clusters outside alarms
    healthy_before: tuple[int, int] = (0, 0)  # the same when the scores were last zero
    since: datetime | None = None  # first bad result after the scores were last zero
    since_bad: int = 0  # results since then
    since_total: int = 0
    seeds: tuple[tuple[str, int], ...] = ()  # (seed, how often it was bad) since then
    alarmed_at: datetime | None = None
    depth: int = -1  # of the bank: which rate the alarm is for; the deepest where that is not known
    recovery: tuple[float, float] = (0.0, 0.0)  # `recovery`'s count before the current cluster and with it
    good_run: int = 0  # good clusters in a row
    last_good_at: datetime | None = None
    last_bad_at: datetime | None = None
    cites: tuple[Observation, ...] = ()  # the latest bad ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The results that arrive together, of one cluster."""

    at: datetime
    bucket: int
    cluster: str
    bad: int
    total: int
    seeds: frozenset[str] = frozenset()  # bad ones
    seeds_needed: int = 0  # distinct bad seeds without which there is no alarm, and none of them bearing it alone
    cites: tuple[Observation, ...] = ()


def tallied(track: Track | None, results: Results) -> Track:
    """Return the track with results that are counted but not tested (confirmations, receivers of live mail)."""
    if track is None:
        track = Track(tally=Tally(bucket=results.bucket, bad=0, total=0), last_at=results.at)
    return Track(
        tally=count(track.tally, results.bucket, results.bad, results.total),
        last_at=results.at,
        scores=track.scores,
        base=track.base,
        cluster=track.cluster,
        cluster_bad=track.cluster_bad,
        cluster_total=track.cluster_total,
        level=track.level,
        healthy=track.healthy,
        healthy_before=track.healthy_before,
        since=track.since,
        since_bad=track.since_bad + results.bad if track.since else 0,
        since_total=track.since_total + results.total if track.since else 0,
        seeds=track.seeds,
        alarmed_at=track.alarmed_at,
        depth=track.depth,
        recovery=track.recovery,
        good_run=track.good_run,
        last_good_at=results.at if results.bad < results.total else track.last_good_at,
        last_bad_at=results.at if results.bad else track.last_bad_at,
        cites=(*track.cites, *results.cites)[-CITED:] if results.cites else track.cites,
    )


def shown(track: Track | None, results: Results) -> Track:
    """Return the track with results that are too old to say anything of the present: nothing but the counts changes."""
    if track is None:
        track = Track(tally=Tally(bucket=results.bucket, bad=0, total=0), last_at=results.at)
    return replace(track, tally=count(track.tally, results.bucket, results.bad, results.total))


def weighed(track: Track | None, results: Results, bank: Bank, recovery_clusters: int) -> Track:
    """Return the track with these results counted and tested.

    An alarm stays until `recovery` has counted enough, at least `recovery_clusters`; meanwhile nothing else is learnt.
    """
    if track is None or len(track.scores) != len(bank.levels[0]):
        track = _fitted(track, results, bank)
    same = results.cluster == track.cluster
    bad, total = results.bad, results.total
    if same:
        bad, total = bad + track.cluster_bad, total + track.cluster_total
    base = track.base if same else track.scores
    good_run = 0 if bad else track.good_run + (0 if same else 1)
    scores, level, since, seeds = track.scores, track.level, track.since, track.seeds
    healthy, before, alarmed_at = track.healthy, track.healthy_before, track.alarmed_at
    tested, recovery = track.depth, track.recovery
    if alarmed_at is None:
        if not same or (bad and not track.cluster_bad):
            healthy = (healthy[0] + (1 if bad else 0), healthy[1] + (0 if same else 1))
        if bad or any(base):
            share = bad / total
            scores = tuple(
                max(0.0, score + share * depth.bad + (1 - share) * depth.good)
                for score, depth in zip(base, bank.levels[level], strict=True)
            )
            if before[1] < BASELINE_CLUSTERS:
                scores = (*(0.0,) * (len(scores) - 1), scores[-1])
            if results.bad:
                since, seeds = since or results.at, _with_seeds(seeds, results.seeds)
            if not any(scores):
                since, seeds, before, level = None, (), healthy, _level(bank, healthy)
            elif _borne_by_several(seeds, results.seeds_needed) and any(
                score >= depth.threshold for score, depth in zip(scores, bank.levels[level], strict=True)
            ):
                alarmed_at, healthy, tested = results.at, before, scores.index(max(scores))
        else:
            before = healthy
    else:
        start, against = recovery[0 if same else 1], bank.levels[level][tested]
        recovery = start, climbed(start, bad / total, against)
        if recovered(recovery[1], against, recovery_clusters):
            alarmed_at, since, seeds, tested, recovery = None, None, (), -1, _NONE_YET
            scores = base = (0.0,) * len(scores)
            level = _level(bank, healthy)
    return Track(
        tally=count(track.tally, results.bucket, results.bad, results.total),
        last_at=results.at,
        scores=scores,
        base=base,
        cluster=results.cluster,
        cluster_bad=bad,
        cluster_total=total,
        level=level,
        healthy=healthy,
        healthy_before=before,
        since=since,
        since_bad=track.since_bad + results.bad if since else 0,
        since_total=track.since_total + results.total if since else 0,
        seeds=seeds,
        alarmed_at=alarmed_at,
        depth=tested,
        recovery=recovery,
        good_run=good_run,
        last_good_at=results.at if results.bad < results.total else track.last_good_at,
        last_bad_at=results.at if results.bad else track.last_bad_at,
        cites=(*track.cites, *results.cites)[-CITED:] if results.cites else track.cites,
    )


def stood_in(track: Track, results: Results, bank: Bank, recovery_clusters: int) -> Track:
    """Return an alarmed track after results that stand in for its own: they speak of recovery and are not counted."""
    after = weighed(track, results, bank, recovery_clusters)
    return replace(
        after,
        tally=track.tally,
        since_bad=track.since_bad if after.since else 0,
        since_total=track.since_total if after.since else 0,
        last_good_at=track.last_good_at,
        last_bad_at=track.last_bad_at,
        cites=track.cites,
    )


def revived(track: Track | None, at: datetime, lifetime_seconds: float) -> Track | None:
    """Return the track as new evidence finds it: if the old has expired, test and alarm are gone."""
    if track is None or (at - track.last_at).total_seconds() <= lifetime_seconds:
        return track
    return voided(track, alarm=False)


def voided(track: Track, *, alarm: bool = True) -> Track:
    """Return the track with its running test and recovery begun anew; counts stay, and the alarm if asked for."""
    alarmed = alarm and track.alarmed_at is not None
    zero = (0.0,) * len(track.scores)
    return Track(
        tally=track.tally,
        last_at=track.last_at,
        scores=zero,
        base=zero,
        level=track.level,
        healthy=track.healthy_before,
        healthy_before=track.healthy_before,
        since=track.since if alarmed else None,
        since_bad=track.since_bad if alarmed else 0,
        since_total=track.since_total if alarmed else 0,
        seeds=track.seeds if alarmed else (),
        alarmed_at=track.alarmed_at if alarmed else None,
        depth=track.depth if alarmed else -1,
        last_good_at=track.last_good_at,
        last_bad_at=track.last_bad_at,
        cites=track.cites,
    )


def _fitted(track: Track | None, results: Results, bank: Bank) -> Track:
    """Return the track ready for this bank, if it was only counted so far or another bank tested it.

    What it holds and an alarm stay; the scores begin anew, as they were not weighed by this bank.
    """
    zero = (0.0,) * len(bank.levels[0])
    if track is None:
        tally = Tally(bucket=results.bucket, bad=0, total=0)
        return Track(tally=tally, last_at=results.at, scores=zero, base=zero)
    level = min(track.level, len(bank.levels) - 1)
    return replace(voided(track), scores=zero, base=zero, level=level, depth=-1)


def _with_seeds(seeds: tuple[tuple[str, int], ...], bad: frozenset[str]) -> tuple[tuple[str, int], ...]:
    counts = dict(seeds)
    for seed in bad:
        counts[seed] = counts.get(seed, 0) + 1
    return tuple(sorted(counts.items()))


def _borne_by_several(seeds: tuple[tuple[str, int], ...], needed: int) -> bool:
    """Return whether so many seeds were bad, and the worst of them not nearly always alone.

    A seed that one provider has put on its suppression list looks like mail that this provider loses; beside it any
    other seed is bad once in a while.
    """
    counts = [count for _, count in seeds]
    return len(counts) >= needed and (needed <= 1 or max(counts) <= ALONE * sum(counts))


def _level(bank: Bank, healthy: tuple[int, int]) -> int:
    """Return the level of the bank that the healthy clusters' upper bound calls for; the floor while they are few.

    The floor is such a rate too, so it stands for a bound of half of it.
    """
    bad, total = healthy
    if total < BASELINE_CLUSTERS:
        return 0
    share = bad / total
    spread = _Z * sqrt(share * (1 - share) / total + _Z * _Z / (4 * total * total))
    bound = (share + _Z * _Z / (2 * total) + spread) / (1 + _Z * _Z / total)
    return bank.level_for(DRIFT * bound)
