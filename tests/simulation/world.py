"""A world in which mail is sent, with noise and faults, and what probes and logs would say of it.

It writes rows of an observation file (JSON-able values) and imports nothing that judges them. Its noise is not the
noise the tests assume: rates drift, failures come in bursts, receivers have maintenance, seeds break, and the
network goes away. It keeps the truth: which fault there is, whose, and from when to when.
"""

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

PROVIDERS = ("one", "two")
RECEIVERS = ("gmail", "microsoft")
SEEDS = tuple((f"{receiver}-{n}", receiver) for receiver in RECEIVERS for n in (1, 2))
BEGAN = datetime(2026, 1, 5, tzinfo=UTC)
HOUR, DAY = 3600.0, 86400.0
LATE_SECONDS, OVERDUE_SECONDS, DEADLINE_SECONDS = 300.0, 60.0, 900.0
LONGEST_BURST_SECONDS = 45.0  # what fails for longer is no burst but a fault

REFUSED = {
    "down": {"category": "network", "stage": "connect", "temporary": True, "text": "connection refused"},
    "blackhole": {"category": "network", "stage": "connect", "temporary": True, "text": "time-out"},
    "greet421": {"category": "provider-temp", "stage": "banner", "temporary": True, "text": "421 busy"},
    "tarpit": {"category": "network", "stage": "ehlo", "temporary": True, "text": "time-out"},
    "hang_data": {"category": "network", "stage": "end-of-data", "temporary": True, "text": "time-out"},
    "auth535": {"category": "auth", "stage": "auth", "temporary": False, "text": "535 5.7.8 bad credentials"},
    "quota": {"category": "quota", "stage": "mail", "temporary": False, "text": "550 quota exceeded"},
    "suspended": {"category": "account", "stage": "mail", "temporary": False, "text": "550 account suspended"},
    "sender_unverified": {"category": "sender", "stage": "mail", "temporary": False, "text": "550 not verified"},
    "tempfail": {"category": "provider-temp", "stage": "mail", "temporary": True, "text": "451 try later"},
    "partial": {"category": "provider-temp", "stage": "mail", "temporary": True, "text": "451 try later"},
    "ratelimit": {"category": "rate", "stage": "rcpt", "temporary": True, "text": "450 too many"},
    "tls_expired": {"category": "tls", "stage": "tls", "temporary": True, "text": "certificate has expired"},
    "tls_stripped": {"category": "tls", "stage": "tls", "temporary": True, "text": "STARTTLS not offered"},
    "flap": {"category": "network", "stage": "connect", "temporary": True, "text": "connection refused"},
}
TREATED = ("drop", "late", "spam", "spam_at:gmail", "bounce_later", "auth_broken")
ELSEWHERE = (
    *("seed_down", "seed_slow", "seed_full", "seed_suppressed"),
    *("local_net", "dns_down", "bad_recipient", "bad_content"),
)
ACCOUNT = ("auth535", "quota", "suspended", "sender_unverified")
HIDDEN_FROM_SESSIONS = ("hang_data",)
PARTIAL_RATIO = 0.5
_LOCAL = {
    "local_net": {"category": "network", "stage": "connect", "temporary": True, "text": "network is unreachable"},
    "dns_down": {"category": "network", "stage": "connect", "temporary": True, "text": "name resolution failed"},
}
_NOISE = (REFUSED["blackhole"], REFUSED["greet421"], REFUSED["tempfail"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is truly wrong. `where`: a provider, a seed, a receiver, or nothing in particular."""

    kind: str
    begins: float  # seconds since the world began
    ends: float
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What goes wrong by itself in a world without faults."""

    failing_ratio: float = 0.01  # of attempts to hand over begin a burst
    drift: float = 2.0  # the ratio swings between 1 / drift and drift times
    drift_days: float = 90.0
    burst_mean: float = 2.0  # attempts in a row that fail
    spam_ratios: tuple[tuple[str, float], ...] = (("one", 0.03), ("two", 0.03))
    late_ratio: float = 0.02  # grey-listing and slow queues, each probe for itself
    missing_ratio: float = 0.003
    maintenance: str = "microsoft"  # two hours each week: half of its mail is late, whoever sends it
    live_each_minute: float = 2.0


@dataclass
class World:
    """Answers what is tried at a time; times are seconds since it began and never go back."""

    chance: random.Random
    noise: Noise = field(default_factory=Noise)
    faults: tuple[Fault, ...] = ()
    _bursts: dict[str, tuple[int, float]] = field(default_factory=dict)  # provider -> attempts left, until

    def sweep(self, now: float, word: str, *, confirmation: bool = False) -> list[dict]:
        """Return what session checks with every provider show."""
        order = list(PROVIDERS)
        self.chance.shuffle(order)
        rows = []
        for place, provider in enumerate(order):
            at = now + place * 0.3
            failure = self._refusal(provider, at, message=False)
            rows.append(_row(at, provider, "session", failure, round=word, confirmation=confirmation))
        return rows

    def control(self, now: float) -> dict:
        """Return what the control check shows: whether anything at all can be reached."""
        ok = "no" if self._any(("local_net", "dns_down"), now) else "yes"
        return {"v": 1, "at": _time(now), "fact": "control", "detail": {"ok": ok, "what": "control"}}

    def live(self, now: float, provider: str, seconds: float) -> list[dict]:
        """Return what the log says of the live mail of one minute out of so many seconds."""
        count = max(1, round(self.chance.gauss(self.noise.live_each_minute, self.noise.live_each_minute**0.5)))
        failure = self._refusal(provider, now, message=True)
        if failure is None:
            return [_row(now, provider, "live", None, source="log", receiver="gmail", count=count)]
        partial = self._of(provider, "partial", now) is not None
        bad = max(1, round(count * PARTIAL_RATIO)) if partial else count
        rows = [_row(now, provider, "live", failure, source="log", receiver="gmail", count=bad)]
        if bad < count:
            rows.append(_row(now, provider, "live", None, source="log", receiver="gmail", count=count - bad))
        return rows

    def round(
        self, now: float, word: str, *, receiver: str | None = None, confirmation: bool = False
    ) -> list[tuple[float, dict]]:
        """Return what one paired round shows, each row with the time it becomes known."""
        told: list[tuple[float, dict]] = []
        for place, (seed, where) in enumerate(SEEDS):
            if receiver in (None, where):
                told += self._to_seed(now + place * 1.5, seed, where, {"round": word, "confirmation": confirmation})
        return sorted(told, key=lambda item: item[0])

    def _to_seed(self, now: float, seed: str, receiver: str, about: dict) -> list[tuple[float, dict]]:
        about = {**about, "seed": seed, "receiver": receiver}
        told, order, fates = [], list(PROVIDERS), {}
        self.chance.shuffle(order)
        for place, provider in enumerate(order):
            at = now + place * 0.4
            failure = self._refusal(provider, at, message=True) or self._bad_recipient(seed, at)
            told.append((at, _row(at, provider, "acceptance", failure, **about)))
            if failure is None:
                fates[provider] = (at, *self._fate(provider, seed, receiver, at))
        first = min((at + lasts for at, lasts, _ in fates.values() if lasts is not None), default=None)
        for provider, (at, lasts, folder) in fates.items():
            told += self._found(provider, seed, at, lasts, folder, first, about)
        return told

    def _found(self, provider, seed, at, lasts, folder, first, about) -> list[tuple[float, dict]]:
        """Return what is told of one accepted probe: when found, overdue or missing."""
        told = []
        if lasts is None and folder == "unsearchable":
            then = at + DEADLINE_SECONDS
            return [(then, _row(then, provider, "arrival", None, outcome="unknown", **about))]
        overdue = at + OVERDUE_SECONDS
        late = lasts is None or lasts > OVERDUE_SECONDS
        if late and first is not None and first < overdue:
            told.append((overdue, _row(overdue, provider, "latency", {}, value=OVERDUE_SECONDS, **about)))
        if lasts is None or lasts > DEADLINE_SECONDS:
            then = at + DEADLINE_SECONDS + 5
            return [*told, (then, _row(then, provider, "arrival", {}, **about))]
        then = at + lasts
        bad = {True: {}, False: None}
        told.append((then, _row(then, provider, "arrival", None, value=lasts, **about)))
        told.append((then, _row(then, provider, "placement", bad[folder == "spam"], value=folder, **about)))
        if told[0][1]["signal"] != "latency":
            told.append((then, _row(then, provider, "latency", bad[lasts > LATE_SECONDS], value=lasts, **about)))
        broken = self._of(provider, "auth_broken", at) is not None
        told.append((then, _row(then, provider, "authentication", bad[broken], **about)))
        return told

    def _fate(self, provider: str, seed: str, receiver: str, at: float) -> tuple[float | None, str]:
        """Return after how many seconds an accepted probe is found, if it is, and where."""
        draw, noise = self.chance.random, self.noise
        if self._any(("seed_down",), at, seed):
            return None, "unsearchable"
        lost = self._any(("seed_full",), at, seed)
        lost = lost or (provider == PROVIDERS[0] and self._any(("seed_suppressed",), at, seed))
        lost = lost or any(self._of(provider, kind, at) for kind in ("drop", "bounce_later"))
        if lost or draw() < noise.missing_ratio:
            return None, "missing"
        lasts = math.exp(draw() * 1.5 + 1)
        if self._of(provider, "late", at) or self._any(("seed_slow",), at, seed) or draw() < noise.late_ratio:
            lasts = 400 + 400 * draw()
        if receiver == noise.maintenance and at % (7 * DAY) < 2 * HOUR and draw() < 0.5:
            lasts = 400 + 1500 * draw()
        spam = self._of(provider, "spam", at) or self._of(provider, f"spam_at:{receiver}", at)
        spam = spam or self._any(("bad_content",), at) or draw() < dict(noise.spam_ratios)[provider]
        return lasts, "spam" if spam else "inbox"

    def _refusal(self, provider: str, at: float, *, message: bool) -> dict | None:
        """Return how handing over fails now, if it does."""
        for kind, said in _LOCAL.items():
            if self._any((kind,), at):
                return said
        for fault in self.faults:
            if fault.where != provider or not fault.begins <= at < fault.ends or fault.kind not in REFUSED:
                continue
            if fault.kind in HIDDEN_FROM_SESSIONS and not message:
                continue
            if fault.kind == "partial" and self.chance.random() >= PARTIAL_RATIO:
                continue
            if fault.kind == "flap" and (at - fault.begins) % 1200 >= 600:
                continue
            return REFUSED[fault.kind]
        return self._burst(provider, at)

    def _burst(self, provider: str, at: float) -> dict | None:
        left, until = self._bursts.get(provider, (0, 0.0))
        if left and at < until:
            self._bursts[provider] = left - 1, until
            return _NOISE[int(until) % len(_NOISE)]
        swing = math.sin(2 * math.pi * at / (self.noise.drift_days * DAY))
        if self.chance.random() >= self.noise.failing_ratio * self.noise.drift**swing:
            self._bursts[provider] = 0, 0.0
            return None
        left = 0
        while self.chance.random() < 1 - 1 / self.noise.burst_mean:
            left += 1
        self._bursts[provider] = left, at + LONGEST_BURST_SECONDS
        return _NOISE[int(at + LONGEST_BURST_SECONDS) % len(_NOISE)]

    def _bad_recipient(self, seed: str, at: float) -> dict | None:
        if self._any(("bad_recipient",), at, seed):
            return {"category": "recipient", "stage": "rcpt", "temporary": False, "text": "550 5.1.1 no such user"}
        return None

    def _of(self, provider: str, kind: str, at: float) -> Fault | None:
        return next(
            (f for f in self.faults if f.kind == kind and f.where == provider and f.begins <= at < f.ends), None
        )

    def _any(self, kinds: tuple[str, ...], at: float, where: str = "") -> bool:
        return any(f.kind in kinds and f.where == where and f.begins <= at < f.ends for f in self.faults)


def _time(now: float) -> str:
    return (BEGAN + timedelta(seconds=now)).isoformat().replace("+00:00", "Z")


def _row(now: float, provider: str, signal: str, failure: dict | None, **other) -> dict:
    row = {
        "v": 1,
        "at": _time(now),
        "provider": provider,
        "signal": signal,
        "source": "probe",
        "outcome": "good" if failure is None else "bad",
        **(failure or {}),
        **other,
    }
    return {key: value for key, value in row.items() if value not in (None, False)}
