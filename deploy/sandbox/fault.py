"""The faults a relay or a seed mailbox can be given at run time: names, arguments, which are on."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from deploy.sandbox.errors import UnknownFaultError
from deploy.sandbox.people import RECEIVERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a fault does and which argument it takes."""

    does: str
    argument: str | None = None  # "seconds", "share", "receiver", "rate", "sender", "provider", "flap"
    default: float | str | None = None
    of: str = "relay"  # or "api": of a relay with an HTTP API, or "seed", or "host": this machine


FAULTS = {
    "down": Kind(does="connections are refused, open sessions end"),
    "blackhole": Kind(does="packets are dropped: connecting times out, open sessions freeze"),
    "greet421": Kind(does="421 instead of a greeting"),
    "tarpit": Kind(does="every reply is SECONDS late", argument="seconds", default=20.0),
    "hang_data": Kind(
        does="no answer to the end of DATA; with SECONDS it comes then, and the message is taken even if the client "
        "has gone (RFC 1047)",
        argument="seconds",
    ),
    "auth535": Kind(does="the login is refused"),
    "quota": Kind(does="the account's sending quota is used up"),
    "suspended": Kind(does="the account is suspended"),
    "sender_unverified": Kind(
        does="the sender is not verified; with SENDER only addresses that end so", argument="sender"
    ),
    "tempfail": Kind(does="451 to every message"),
    "partial": Kind(does="451 to a share of messages", argument="share", default=0.3),
    "ratelimit": Kind(does="more than RATE messages a minute are put off", argument="rate", default=60.0),
    "tls_expired": Kind(does="the certificate ended yesterday"),
    "tls_stripped": Kind(does="STARTTLS is not offered"),
    "drop": Kind(does="accepted, then lost"),
    "late": Kind(does="accepted, arrives SECONDS late", argument="seconds", default=60.0),
    "spam": Kind(does="accepted, lands in the spam folder"),
    "spam_at": Kind(does="lands in the spam folder of one RECEIVER", argument="receiver"),
    "auth_broken": Kind(does="arrives with SPF, DKIM and DMARC failed"),
    "bounce_later": Kind(does="accepted, then returned to the sender"),
    "events_late": Kind(
        does="events are stored up to SECONDS late, and out of order", argument="seconds", default=20.0, of="api"
    ),
    "api_ratelimit": Kind(
        does="more than RATE API calls a minute are refused", argument="rate", default=10.0, of="api"
    ),
    "key_limited": Kind(does="the API key lacks the right to what is asked", of="api"),
    "wrong_region": Kind(does="the account lives in another region than this API", of="api"),
    "api_down": Kind(does="the HTTP API alone is out of order", of="api"),
    "flap": Kind(does="another fault goes on and off: flap FAULT ON_SECONDS OFF_SECONDS [ARGS]", argument="flap"),
    "seed_down": Kind(does="this mailbox refuses the IMAP login", of="seed"),
    "seed_slow": Kind(
        does="mail from every relay reaches it SECONDS late", argument="seconds", default=60.0, of="seed"
    ),
    "seed_full": Kind(does="this mailbox is over quota: mail is returned", of="seed"),
    "seed_suppressed": Kind(
        does="one PROVIDER (or all) has it on its suppression list: accepted, never sent",
        argument="provider",
        of="seed",
    ),
    "dns_down": Kind(does="this machine's name server does not answer", of="host"),
    "local_net": Kind(does="this machine's network is cut: no relay and no IMAP server can be reached", of="host"),
}

_serial = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault that is on."""

    name: str
    value: float | str | None = None
    share: float = 1.0  # of sessions or messages it strikes
    flap: tuple[float, float] | None = None  # seconds on, seconds off
    inner: "Fault | None" = None  # the fault that flaps
    serial: int = field(default_factory=_serial.__next__)

    def __str__(self) -> str:
        """Return it as one would type it."""
        if self.inner and self.flap:
            return f"flap {self.inner.name} {self.flap[0]:g} {self.flap[1]:g}"
        value = f"{self.value:g}" if isinstance(self.value, float) else self.value
        share = f" --share {self.share:g}" if self.share < 1 and self.name != "partial" else ""
        return self.name + (f" {value}" if value is not None else "") + share


def _number(name: str, text: object, what: str) -> float:
    try:
        number = float(str(text).removesuffix("s"))
    except ValueError:
        raise UnknownFaultError(f'{name}: "{text}" is no number of {what}.') from None
    if number < 0:
        raise UnknownFaultError(f"{name}: {what} cannot be negative.")
    return number


def parse_fault(name: str, args: Sequence[object] = (), share: float | None = None) -> Fault:
    """Return the fault for `name` ("spam_at" or "spam_at:gmail") and its arguments.

    Raises:
        UnknownFaultError: no such fault, or an argument that makes no sense.
    """
    name, _, tail = name.partition(":")
    if tail:
        args = (tail, *args)
    kind = FAULTS.get(name)
    if kind is None:
        raise UnknownFaultError(f'There is no fault "{name}"; the faults are {", ".join(FAULTS)}.')
    if share is not None and not 0 < share <= 1:
        raise UnknownFaultError(f"{name}: the share must be above 0 and at most 1, not {share:g}.")
    if kind.argument == "flap":
        inner = parse_fault(str(args[0]) if args else "down", args[3:], share)
        on, off = (_number(name, a, "seconds") for a in (*args[1:3], 10, 10)[:2])
        return Fault(name=name, flap=(on, off), inner=inner)
    if len(args) > (kind.argument is not None):
        raise UnknownFaultError(f"{name} takes {'one argument' if kind.argument else 'no argument'}.")
    value: float | str | None = kind.default
    if args:
        value = str(args[0]) if kind.argument in {"receiver", "sender", "provider"} else None
        if value is None:
            value = _number(name, args[0], str(kind.argument))
    if kind.argument == "receiver" and value not in RECEIVERS:
        raise UnknownFaultError(f"{name} needs a receiver: {', '.join(RECEIVERS)}.")
    if kind.argument == "share":
        share = share if share is not None else float(value or 0)
        if not 0 < share <= 1:
            raise UnknownFaultError(f"{name}: the share must be above 0 and at most 1, not {share:g}.")
        value = share
    return Fault(name=name, value=value, share=1.0 if share is None else share)


class ActiveFaults:
    """The faults of one relay or seed, and the dice for those that strike only a share."""

    _BLOCK = 20

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)
        self._on: dict[str, Fault] = {}
        self._blocks: dict[int, list[bool]] = {}

    def __iter__(self) -> Iterator[Fault]:
        return iter(tuple(self._on.values()))

    def get(self, name: str) -> Fault | None:
        """Return the fault of this name if it is on, whatever its share."""
        return self._on.get(name)

    def put(self, fault: Fault) -> None:
        """Switch a fault on; it takes the place of one of the same name."""
        self._on[fault.name] = fault

    def remove(self, name: str | None = None) -> None:
        """Switch one fault off, or all."""
        if name is None:
            self._on.clear()
        else:
            self._on.pop(name, None)

    def draw(self, fault: Fault) -> bool:
        """Return whether a fault with a share strikes now: in every 20 draws the same number, in random order."""
        block = self._blocks.setdefault(fault.serial, [])
        if not block:
            hits = round(fault.share * self._BLOCK)
            block.extend([True] * hits + [False] * (self._BLOCK - hits))
            self._random.shuffle(block)
        return block.pop()


class Scope:
    """One session or one message: whether a fault strikes it is drawn once and stays so."""

    def __init__(self, faults: ActiveFaults) -> None:
        self._faults = faults
        self._drawn: dict[int, bool] = {}

    def __call__(self, name: str) -> Fault | None:
        """Return the fault of this name if it is on and strikes here."""
        fault = self._faults.get(name)
        if fault is None or fault.share >= 1:
            return fault
        if fault.serial not in self._drawn:
            self._drawn[fault.serial] = self._faults.draw(fault)
        return fault if self._drawn[fault.serial] else None
