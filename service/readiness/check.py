"""`relaypilot check`: all findings on every provider. Sends nothing unless asked."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import SecretStr

from probes.seeds import Seed
from providers.base import Channel, Clock, Message, Provider
from providers.checkup import Checkup, Finding, Verdict
from providers.errors import CallError
from providers.settings import SmtpSettings
from providers.suppression import Suppression
from service.readiness.dns_records import DnsRecords
from service.readiness.message_size import size_finding
from service.readiness.sender_domain import domain_findings
from service.readiness.standby_list import standby_finding
from service.readiness.suppressed_addresses import EndlessListError, suppressed_addresses
from service.readiness.suppressed_seeds import seed_findings

LONGEST_SECONDS = 120.0  # for one provider, whatever it does
_ORDER = (Verdict.FAILED, Verdict.WARNING, Verdict.UNKNOWN, Verdict.OK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a check is made with."""

    providers: Mapping[str, Provider]  # in order of preference
    settings: Mapping[str, SmtpSettings]
    seeds: Sequence[Seed]
    sender: str
    dns: DnsRecords
    clock: Clock
    postfix_max_bytes: int | None  # message_size_limit; None: could not be read
    longest_seconds: float = LONGEST_SECONDS


async def check(ready: Ready, only: str | None = None, test: Message | None = None) -> tuple[Checkup, ...]:
    """Return the findings on each provider, gravest first; with `test` that message is sent through each channel.

    Suppression lists are compared with that of the first provider that tells its own.
    """
    lists, troubles = await _lists(ready)
    names = [name for name in ready.providers if only in (None, name)]
    found = await asyncio.gather(*(_one(ready, ready.providers[name], test) for name in names))
    return tuple(
        _sorted(replace(checkup, findings=(*checkup.findings, *_standby(ready, checkup.provider, lists, troubles))))
        for checkup in found
    )


def _sorted(checkup: Checkup) -> Checkup:
    return replace(checkup, findings=tuple(sorted(checkup.findings, key=lambda f: _ORDER.index(f.verdict))))


async def _one(ready: Ready, provider: Provider, test: Message | None) -> Checkup:
    settings = ready.settings[provider.name]
    domain = ready.sender.rpartition("@")[2].lower()
    parts: list[tuple[str, Awaitable[Sequence[Finding]]]] = [
        ("account", _account(provider, ready.sender)),
        (
            "domain",
            domain_findings(
                provider,
                domain,
                ready.dns,
                spf_include=settings.spf_include,
                dkim_selectors=settings.dkim_selectors,
            ),
        ),
        ("seed", seed_findings(provider, ready.seeds)),
    ]
    if test is not None:
        parts += [(f"test-{c}", _sent(provider, test, c)) for c in provider.capabilities.channels]
    findings: list[Finding] = []
    results = await asyncio.gather(*(_bounded(code, part, settings, ready.longest_seconds) for code, part in parts))
    for (code, _), result in zip(parts, results, strict=True):
        told = {finding.code for finding in findings} if code == "domain" else set()
        findings += [f for f in result if f.code != "domain" or "domain" not in told]  # the adapter knows it better
    if size := size_finding(provider.name, provider.capabilities.max_message_bytes, ready.postfix_max_bytes):
        findings.append(size)
    return Checkup(provider=provider.name, findings=tuple(findings))


async def _account(provider: Provider, sender: str) -> Sequence[Finding]:
    return (await provider.check(sender)).findings


async def _bounded(
    code: str, part: Awaitable[Sequence[Finding]], settings: SmtpSettings, seconds: float
) -> Sequence[Finding]:
    """Return what this part found; an adapter may come from anyone: neither its bug nor its patience ends the check."""
    try:
        async with asyncio.timeout(seconds):
            return await part
    except TimeoutError:
        seen = f"No result after {seconds:g} s"
    except Exception as error:  # noqa: BLE001
        seen = f"The adapter failed ({_told(error, settings)})"
    return (Finding(code=code, verdict=Verdict.UNKNOWN, sentence=f"{seen}; the other points were checked."),)


def _told(error: Exception, settings: SmtpSettings) -> str:
    """Return an unforeseen error in words; a library may quote the key that it could not send."""
    text = f"{type(error).__name__}: {error}"
    for _, value in settings:
        if isinstance(value, SecretStr):
            text = text.replace(value.get_secret_value(), "[redacted]")
    return text


async def _sent(provider: Provider, test: Message, channel: Channel) -> Sequence[Finding]:
    submission = await provider.submit(test, channel)
    code = f"test-{channel}"
    if submission.failure is None:
        sentence = f"{provider.name} took a test message by {channel} in {submission.duration_seconds:.1f} s."
        return (Finding(code=code, verdict=Verdict.OK, sentence=sentence),)
    said = " ".join(filter(None, (str(submission.reply_code or ""), submission.text)))
    return (
        Finding(
            code=code,
            verdict=Verdict.FAILED,
            sentence=f"{provider.name} did not take a test message by {channel} "
            f"({submission.failure.category}): {said}",
            remedy="The other findings may say why; else see the provider's panel.",
        ),
    )


async def _lists(ready: Ready) -> tuple[dict[str, dict[str, Suppression]], dict[str, str]]:
    """Return the suppression lists that could be read, and why the others could not."""
    lists: dict[str, dict[str, Suppression]] = {}
    troubles: dict[str, str] = {}

    async def read(provider: Provider) -> None:
        try:
            async with asyncio.timeout(ready.longest_seconds):
                lists[provider.name] = await suppressed_addresses(provider)
        except TimeoutError:
            troubles[provider.name] = f"reading it took longer than {ready.longest_seconds:g} s"
        except (CallError, EndlessListError) as error:
            troubles[provider.name] = str(error)
        except Exception as error:  # noqa: BLE001 - as for the other points, an adapter's bug does not end the check
            troubles[provider.name] = f"the adapter failed ({_told(error, ready.settings[provider.name])})"

    await asyncio.gather(*(read(p) for p in ready.providers.values() if p.capabilities.suppressions))
    return lists, troubles


def _standby(
    ready: Ready, name: str, lists: Mapping[str, dict[str, Suppression]], troubles: Mapping[str, str]
) -> tuple[Finding, ...]:
    if trouble := troubles.get(name):
        sentence = f"The suppression list of {name} could not be read: {trouble}"
        return (Finding(code="suppressions", verdict=Verdict.UNKNOWN, sentence=sentence),)
    primary = next((n for n in ready.providers if n in lists), None)
    if primary is None or name not in lists or name == primary:
        return ()
    able = ready.providers[name].capabilities.suppress
    seeds = [seed.address for seed in ready.seeds]
    return (standby_finding(primary, name, lists, ready.clock.now(), can_be_added=able, seeds=seeds),)
