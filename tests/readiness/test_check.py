"""A whole check: every point of every provider, whatever one of them does."""

import asyncio
from dataclasses import replace

import pytest

from probes.seeds import Seed
from providers.base import Channel, Message, TlsMode
from providers.checkup import Verdict
from providers.smtp import SmtpProviderSettings
from providers.suppression import Suppression, SuppressionKind
from service.readiness.check import Ready, check
from service.readiness.suppressed_addresses import EndlessListError, suppressed_addresses
from tests.readiness.fakes import FakeClock, FakeDns, FakeProvider, ago, finding

pytestmark = pytest.mark.anyio
TEST = Message(sender="a@example.org", recipient="seed@example.net", content=b"Subject: x\r\n\r\n")
SEED = Seed(
    name="gmail-1",
    receiver="gmail",
    address="seed@example.net",
    host="127.0.0.1",
    port=993,
    tls=TlsMode.IMPLICIT,
    server_name="imap.example.net",
    ca_file=None,
    username="seed",
    password="x",
    junk=None,
)


def ready(*providers, seeds=(SEED,), **changes):
    settings = {p.name: SmtpProviderSettings(kind="smtp", name=p.name, host="relay.example") for p in providers}
    given = {
        "providers": {p.name: p for p in providers},
        "settings": settings,
        "seeds": seeds,
        "sender": "probe@example.org",
        "dns": FakeDns({"example.org": ["v=spf1 -all"], "_dmarc.example.org": ["v=DMARC1; p=none"]}),
        "clock": FakeClock(),
        "postfix_max_bytes": 10_240_000,
    }
    return Ready(**given | changes)


def suppressed(address, kind=SuppressionKind.HARD_BOUNCE, at=None):
    return Suppression(address=address, kind=kind, at=at or ago(days=3))


async def test_findings_come_gravest_first():
    provider = FakeProvider(
        findings=[
            finding(),
            finding("sender", Verdict.FAILED, "not verified"),
            finding("tls", Verdict.WARNING, "expires soon"),
        ],
    )
    (one,) = await check(ready(provider))
    verdicts = [f.verdict for f in one.findings]
    assert verdicts == sorted(verdicts, key=[Verdict.FAILED, Verdict.WARNING, Verdict.UNKNOWN, Verdict.OK].index)
    assert one.worst is Verdict.FAILED


async def test_a_check_sends_nothing_unless_asked():
    provider = FakeProvider(channels=(Channel.SMTP, Channel.API))
    await check(ready(provider))
    assert provider.sent == []
    (one,) = await check(ready(provider), test=TEST)
    assert [channel for _, channel in provider.sent] == [Channel.SMTP, Channel.API]
    assert [f.code for f in one.findings if f.code.startswith("test")] == ["test-smtp", "test-api"]


async def test_a_test_message_that_is_refused_is_told():
    (one,) = await check(ready(FakeProvider(fails=("submit",))), test=TEST)
    told = next(f for f in one.findings if f.code == "test-smtp")
    assert told.verdict is Verdict.FAILED
    assert told.sentence == "one did not take a test message by smtp (network): no answer in time"


async def test_a_suppressed_seed_is_named():
    (one,) = await check(ready(FakeProvider(suppressed=[suppressed("seed@example.net")])))
    told = next(f for f in one.findings if f.code == "seed")
    assert told.verdict is Verdict.WARNING
    assert "suppresses seed gmail-1 (hard-bounce)" in told.sentence


async def test_a_temporary_block_does_not_make_a_seed_suppressed():
    provider = FakeProvider(suppressed=[suppressed("seed@example.net", SuppressionKind.BLOCK)])
    (one,) = await check(ready(provider))
    assert next(f for f in one.findings if f.code == "seed").verdict is Verdict.OK


async def test_a_standby_that_lacks_old_suppressions_is_warned_of():
    first = FakeProvider("first", suppressed=[suppressed(f"u{n}@example.net") for n in range(5)])
    second = FakeProvider("second", suppressed=[suppressed("U1@Example.net")])
    one, other = await check(ready(first, second))
    assert not [f for f in one.findings if f.code == "suppressions"]
    told = next(f for f in other.findings if f.code == "suppressions")
    assert told.verdict is Verdict.WARNING
    assert told.sentence == "second does not suppress 4 addresses that first suppresses, the oldest since 2026-11-20."
    assert told.remedy == "relaypilot suppressions sync --from first --to second"


async def test_a_standby_need_not_know_a_suppressed_seed():
    first = FakeProvider("first", suppressed=[suppressed("seed@example.net")])
    _, other = await check(ready(first, FakeProvider("second")))
    assert next(f for f in other.findings if f.code == "suppressions").verdict is Verdict.OK


async def test_suppressions_of_the_last_day_are_tolerated():
    first = FakeProvider("first", suppressed=[suppressed("u@example.net", at=ago(hours=23))])
    _, other = await check(ready(first, FakeProvider("second")))
    assert next(f for f in other.findings if f.code == "suppressions").verdict is Verdict.OK


async def test_a_list_that_cannot_be_read_is_unknown():
    _, other = await check(ready(FakeProvider("first"), FakeProvider("second", fails=("list",))))
    told = next(f for f in other.findings if f.code == "suppressions")
    assert told.verdict is Verdict.UNKNOWN
    assert "could not be read: asking second for list" in told.sentence


async def test_a_list_without_an_end_is_given_up():
    endless = FakeProvider("second", suppressed=[suppressed(f"u{n}@example.net") for n in range(9)])
    with pytest.raises(EndlessListError, match="no end after 3 pages"):
        await suppressed_addresses(endless, most_pages=3)
    with pytest.raises(EndlessListError, match="more than 7 addresses"):
        await suppressed_addresses(endless, most_addresses=7)
    assert len(await suppressed_addresses(endless, most_addresses=9)) == 9


async def test_of_long_reasons_the_beginning_is_kept():
    wordy = Suppression(address="a@example.net", kind=SuppressionKind.HARD_BOUNCE, reason="550 no " * 300)
    found = await suppressed_addresses(FakeProvider(suppressed=[wordy]))
    assert found["a@example.net"].reason == wordy.reason[:100]


async def test_an_adapter_with_a_bug_does_not_hide_the_other_points():
    (one,) = await check(ready(FakeProvider(fails=("bug",))))
    told = next(f for f in one.findings if f.code == "account")
    assert told.sentence == "The adapter failed (KeyError: 'bug'); the other points were checked."
    assert {"spf", "dmarc", "seed"} <= {f.code for f in one.findings}


async def test_a_key_that_an_adapters_bug_quotes_is_not_told():
    class Quoting(FakeProvider):
        async def check(self, sender):
            raise ValueError("Illegal header value b'Bearer SG.correct-horse'")

    given = ready(Quoting())
    settings = SmtpProviderSettings(
        kind="smtp", name="one", host="relay.example", username="u", password="SG.correct-horse"
    )
    (one,) = await check(replace(given, settings={"one": settings}))
    told = next(f for f in one.findings if f.code == "account")
    assert "ValueError: Illegal header value b'Bearer [redacted]'" in told.sentence


async def test_an_adapter_whose_list_has_a_bug_does_not_end_the_check():
    _, other = await check(ready(FakeProvider("first"), FakeProvider("second", fails=("list-bug",))))
    told = next(f for f in other.findings if f.code == "suppressions")
    assert told.sentence.endswith("could not be read: the adapter failed (KeyError: 'list-bug')")
    assert {"spf", "dmarc", "seed"} <= {f.code for f in other.findings}


async def test_an_adapter_that_never_answers_is_given_up():
    class Hanging(FakeProvider):
        async def check(self, sender):
            await asyncio.Event().wait()

    (one,) = await check(ready(Hanging(), longest_seconds=0.05))
    assert "No result after 0.05 s" in next(f for f in one.findings if f.code == "account").sentence


@pytest.mark.parametrize(
    ("relay", "postfix", "verdict"),
    [(20_000_000, 10_240_000, Verdict.OK), (5_000_000, 10_240_000, Verdict.WARNING), (5_000_000, 0, Verdict.WARNING)],
)
async def test_the_size_that_postfix_accepts_is_compared(relay, postfix, verdict):
    (one,) = await check(ready(FakeProvider(max_message_bytes=relay), postfix_max_bytes=postfix))
    told = next(f for f in one.findings if f.code == "size")
    assert told.verdict is verdict
    assert ("message_size_limit=5000000" in told.remedy) is (verdict is Verdict.WARNING)


async def test_what_the_adapter_says_of_the_domain_is_not_said_twice():
    (one,) = await check(ready(FakeProvider(findings=[finding("domain", Verdict.OK, "Active.")])))
    assert [f.sentence for f in one.findings if f.code == "domain"] == ["Active."]


async def test_only_the_provider_that_is_named_is_checked_but_every_list_is_read():
    first = FakeProvider("first", suppressed=[suppressed("u@example.net")])
    (other,) = await check(ready(first, FakeProvider("second")), only="second")
    assert other.provider == "second"
    assert next(f for f in other.findings if f.code == "suppressions").verdict is Verdict.WARNING
