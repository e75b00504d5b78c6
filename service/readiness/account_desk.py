"""Answers what can be asked about the providers' accounts; the daemon and a command without daemon use it alike."""

import asyncio
from collections.abc import Callable

from probes.message import build_probe
from probes.token import make_token, token_id
from providers.base import Clock, Message
from service.errors import NoSuchProviderError, NoSuchSeedError, RelaypilotError
from service.postfix.command import run
from service.postfix.errors import PostfixError
from service.readiness.check import Ready, check
from service.readiness.dns_records import DnsResolver
from service.readiness.views import (
    CheckRequest,
    CheckupView,
    CheckView,
    CopiedView,
    CopyRequest,
    CopyView,
    FindingView,
)
from service.setup import Setup
from service.suppression_copy import copy_suppressions


class BusyError(RelaypilotError):
    """The same is being done already."""


class AccountDesk:
    """One check and one copy at a time: each asks the providers' accounts many times."""

    def __init__(self, setup: Callable[[], Setup], *, clock: Clock, secret: bytes, new_id: Callable[[], str]) -> None:
        self._setup = setup
        self._clock = clock
        self._secret = secret
        self._new_id = new_id
        self._busy = asyncio.Lock()

    async def check(self, request: CheckRequest) -> CheckView:
        """Return the findings on the providers' accounts."""
        setup = self._setup()
        if request.provider is not None and request.provider not in setup.providers:
            known = ", ".join(setup.providers)
            raise NoSuchProviderError(
                f'Checking "{request.provider}": there is no such provider; configured are {known}.'
            )
        if request.send and not setup.seeds:
            raise NoSuchSeedError("There is no seed to send a test message to; add a [[seed]] to the configuration.")
        self._refuse_when_busy()
        async with self._busy:
            max_bytes = await asyncio.to_thread(_postfix_max_bytes, setup)
            ready = Ready(
                providers=setup.providers,
                settings={settings.name: settings for settings in setup.config.provider},
                seeds=setup.seeds,
                sender=setup.config.probes.sender,
                dns=DnsResolver(setup.config.dns.address()),
                clock=self._clock,
                postfix_max_bytes=max_bytes,
            )
            test = self._test_message(setup) if request.send else None
            found = await check(ready, request.provider, test)
        return CheckView(
            at=self._clock.now(),
            sender=ready.sender,
            providers=tuple(
                CheckupView(
                    provider=one.provider,
                    verdict=one.worst.value,
                    findings=tuple(
                        FindingView(code=f.code, verdict=f.verdict.value, sentence=f.sentence, remedy=f.remedy)
                        for f in one.findings
                    ),
                )
                for one in found
            ),
        )

    async def copy_suppressions(self, request: CopyRequest) -> CopyView:
        """Copy suppressed addresses between providers; in a dry run only say how many."""
        self._refuse_when_busy()
        async with self._busy:
            setup = self._setup()
            done = await copy_suppressions(
                setup.providers,
                source=request.source,
                target=request.target,
                dry_run=request.dry_run,
                seeds=[seed.address for seed in setup.seeds],
            )
        views = tuple(
            CopiedView(
                to=one.to,
                sources=one.sources,
                known=one.known,
                lacking={str(kind): count for kind, count in one.lacking.items()},
                added=one.added,
            )
            for one in done
        )
        return CopyView(dry_run=request.dry_run, providers=views)

    def _refuse_when_busy(self) -> None:
        if self._busy.locked():
            raise BusyError("The providers' accounts are being asked already; repeat the command in a minute.")

    def _test_message(self, setup: Setup) -> Message:
        """Return a message marked as a probe, so that it is deleted like one; nobody waits for its arrival."""
        seed, round_id = setup.seeds[0], self._new_id()
        identity = token_id(self._secret, round_id=round_id, provider="check", seed=seed.name)
        return build_probe(
            sender=setup.config.probes.sender,
            recipient=seed.address,
            token=make_token(self._secret, identity),
            round_id=round_id,
            now=self._clock.now(),
        )


def _postfix_max_bytes(setup: Setup) -> int | None:
    """Return Postfix's message_size_limit; None when it cannot be read, which another check reports."""
    try:
        value = run("postconf", ["-h", "message_size_limit"], config_dir=setup.config.postfix.config_dir)
        return int(value)
    except (PostfixError, ValueError):
        return None
