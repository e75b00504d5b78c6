import asyncio
from contextlib import aclosing
from datetime import timedelta
from email.utils import format_datetime

import pytest

from probes.collect import Collector
from probes.errors import ProbeError
from probes.observation import Observation, Outcome, Signal
from tests.probes.dovecot import Dovecot
from tests.probes.world import SECRET, RealClock, probe_content, sent_probe

pytestmark = pytest.mark.anyio


def make_collector(clock, *seeds, late=30.0, deadline=60.0, timeout=5.0, polls=(0.05, 0.1, 0.2), **more) -> Collector:
    return Collector(
        seeds,
        clock=clock,
        poll_intervals_seconds=polls,
        late_after_seconds=late,
        deadline_seconds=deadline,
        imap_timeout_seconds=timeout,
        secret=SECRET,
        **more,
    )


async def watched(collector: Collector, *probes) -> dict[Signal, Observation]:
    seen: dict[Signal, Observation] = {}
    async with aclosing(collector.watch(probes)) as findings:
        async for observation in findings:
            seen[observation.signal] = observation
    return seen


@pytest.fixture
def clock() -> RealClock:
    return RealClock()


async def test_a_probe_in_the_inbox_has_arrived_in_time(dovecot: Dovecot, user: str, clock: RealClock) -> None:
    probe = sent_probe(clock, user)
    stamp = format_datetime(clock.now())
    above = (
        f"Authentication-Results: mx.seed.test; spf=pass smtp.mailfrom=x; dkim=pass; dmarc=pass\r\n"
        f"Received: from a by mx.seed.test; {stamp}\r\n"
    ).encode()
    dovecot.append(user, "INBOX", probe_content(probe, above))
    collector = make_collector(clock, dovecot.seed(user))
    seen = await watched(collector, probe)
    await collector.aclose()
    assert {signal: o.outcome for signal, o in seen.items()} == dict.fromkeys(
        (Signal.ARRIVAL, Signal.PLACEMENT, Signal.LATENCY, Signal.AUTHENTICATION), Outcome.GOOD
    )
    assert seen[Signal.PLACEMENT].value == "inbox"
    assert 0 <= seen[Signal.LATENCY].value < 5
    assert seen[Signal.AUTHENTICATION].value == "spf=pass dkim=pass dmarc=pass"
    assert seen[Signal.ARRIVAL].receiver == "gmail"
    assert seen[Signal.ARRIVAL].round == "r1"


@pytest.mark.parametrize(
    "folder", ["Junk", "Courrier indésirable", "Junk Email", "Bulk Mail", "Archiv/Spam", "迷惑メール"]
)
async def test_spam_folders_are_found_by_attribute_or_name(dovecot, user, clock, folder: str) -> None:
    probe = sent_probe(clock, user)
    dovecot.create(user, folder)
    dovecot.append(user, folder, probe_content(probe))
    collector = make_collector(clock, dovecot.seed(user))
    seen = await watched(collector, probe)
    await collector.aclose()
    assert seen[Signal.PLACEMENT].outcome is Outcome.BAD
    assert seen[Signal.PLACEMENT].value == "spam"
    assert seen[Signal.ARRIVAL].outcome is Outcome.GOOD
    assert "INBOX" in seen[Signal.ARRIVAL].text


async def test_a_spam_folder_of_unusual_name_is_named_in_the_settings(dovecot, user, clock) -> None:
    probe = sent_probe(clock, user)
    dovecot.create(user, "Quarantäne 7")
    dovecot.append(user, "Quarantäne 7", probe_content(probe))
    unnamed = make_collector(clock, dovecot.seed(user))
    assert "set junk to one of: INBOX, Quarantäne 7" in await unnamed.check_seed(user)
    assert (await watched(unnamed, probe))[Signal.PLACEMENT].value == "other:Quarantäne 7"
    named = make_collector(clock, dovecot.seed(user, junk="Quarantäne 7"))
    assert await named.check_seed(user) is None
    assert (await watched(named, probe))[Signal.PLACEMENT].value == "spam"
    wrong = make_collector(clock, dovecot.seed(user, junk="Nirgends"))
    assert 'there is no folder "Nirgends"' in await wrong.check_seed(user)
    for collector in (unnamed, named, wrong):
        await collector.aclose()


async def test_a_probe_that_comes_later_than_the_limit_is_overdue_once_then_late(dovecot, user, clock) -> None:
    probe = sent_probe(clock, user)
    collector = make_collector(clock, dovecot.seed(user), late=0.5)
    told: list[Observation] = []
    async with aclosing(collector.watch([probe])) as findings:
        async for observation in findings:
            told.append(observation)
            if observation.signal is Signal.LATENCY:
                await asyncio.to_thread(dovecot.append, user, "INBOX", probe_content(probe))
    await collector.aclose()
    assert [o.signal for o in told].count(Signal.LATENCY) == 1
    assert told[0].signal is Signal.LATENCY
    assert told[0].outcome is Outcome.BAD
    assert told[0].value >= 0.5
    arrival = next(o for o in told if o.signal is Signal.ARRIVAL)
    assert arrival.outcome is Outcome.GOOD
    assert arrival.value >= 0.5


async def test_a_probe_is_overdue_when_its_sibling_arrived_long_before(dovecot, user, clock) -> None:
    mine = sent_probe(clock, user, provider="alpha")
    sibling = sent_probe(clock, user, provider="beta")
    dovecot.append(user, "INBOX", probe_content(sibling))
    collector = make_collector(clock, dovecot.seed(user), overdue_minimum_seconds=0.4)
    told: list[Observation] = []
    async with aclosing(collector.watch([mine, sibling])) as findings:
        async for observation in findings:
            told.append(observation)
            if observation.provider == "alpha":
                break
    await collector.aclose()
    assert told[-1].signal is Signal.LATENCY
    assert told[-1].outcome is Outcome.BAD
    assert "its sibling took" in told[-1].text


async def test_a_probe_in_no_folder_after_the_deadline_is_missing(dovecot, user, clock) -> None:
    dovecot.create(user, "Junk", "Projekte", "Sent")
    probe = sent_probe(clock, user)
    collector = make_collector(clock, dovecot.seed(user), deadline=0.5)
    seen = await watched(collector, probe)
    await collector.aclose()
    assert list(seen) == [Signal.ARRIVAL]
    assert seen[Signal.ARRIVAL].outcome is Outcome.BAD
    assert seen[Signal.ARRIVAL].text.startswith("not in INBOX, Junk, Projekte after")


async def test_a_probe_that_comes_twice_is_counted_and_hangs_nothing(dovecot, user, clock) -> None:
    probe = sent_probe(clock, user)
    dovecot.create(user, "Junk")
    for folder in ("Junk", "INBOX"):
        dovecot.append(user, folder, probe_content(probe))
    collector = make_collector(clock, dovecot.seed(user))
    seen = await watched(collector, probe)
    assert seen[Signal.PLACEMENT].value == "inbox"
    assert "2 copies" in seen[Signal.ARRIVAL].text
    assert collector.copies() == {probe.token: 2}
    await collector.aclose()


async def test_new_uidvalidity_neither_loses_a_probe_nor_counts_it_twice(dovecot, user, clock) -> None:
    first, second = sent_probe(clock, user, round_id="r1"), sent_probe(clock, user, round_id="r2")
    dovecot.append(user, "INBOX", probe_content(first))
    collector = make_collector(clock, dovecot.seed(user))
    await watched(collector, first)
    dovecot.renumber(user, "INBOX")
    dovecot.append(user, "INBOX", probe_content(second))
    seen = await watched(collector, second)
    await collector.aclose()
    assert seen[Signal.PLACEMENT].value == "inbox"
    assert collector.copies() == {first.token: 1, second.token: 1}


async def test_a_refused_login_leaves_the_probe_unknown(dovecot, user, clock) -> None:
    probe = sent_probe(clock, user)
    collector = make_collector(clock, dovecot.seed(user, password="wrong-password-99"), deadline=0.3)
    seen = await watched(collector, probe)
    reason = await collector.check_seed(user)
    await collector.aclose()
    assert seen[Signal.ARRIVAL].outcome is Outcome.UNKNOWN
    assert "refuses the login" in seen[Signal.ARRIVAL].text
    assert "wrong-password-99" not in reason
    assert "app password" in reason


async def test_a_certificate_of_another_name_is_refused(dovecot, user, clock) -> None:
    collector = make_collector(clock, dovecot.seed(user, server_name="imap.else.test"))
    assert "certificate verify failed" in await collector.check_seed(user)
    await collector.aclose()


async def test_starttls_is_verified_too(dovecot, user, clock) -> None:
    dovecot.create(user, "Junk")
    good = make_collector(clock, dovecot.seed(user, port=dovecot.port, tls="starttls"))
    bad = make_collector(clock, dovecot.seed(user, port=dovecot.port, tls="starttls", server_name="imap.else.test"))
    assert await good.check_seed(user) is None
    assert "certificate verify failed" in await bad.check_seed(user)
    await good.aclose()
    await bad.aclose()


async def test_looking_changes_not_one_byte_of_the_mailbox(dovecot, user, clock) -> None:
    dovecot.create(user, "Junk", "Projekte")
    probes = [sent_probe(clock, user, provider=name) for name in ("alpha", "beta")]
    dovecot.append(user, "Junk", probe_content(probes[0]))
    dovecot.append(user, "INBOX", b"Subject: a letter\r\n\r\nnot a probe\r\n")
    mail = dovecot.root / "mail" / user / "new" / "1700000000.M1P1.test"  # freshly delivered, still in new/
    mail.write_bytes(probe_content(probes[1]))
    before = dovecot.snapshot(user)
    collector = make_collector(clock, dovecot.seed(user))
    seen = await watched(collector, *probes)
    assert len(seen) == 4
    await watched(collector, sent_probe(clock, user, provider="alpha"))
    await collector.aclose()
    assert dovecot.snapshot(user) == before


async def test_only_old_probes_of_ours_are_deleted(dovecot, user, clock) -> None:
    dovecot.create(user, "Junk")
    old, fresh = sent_probe(clock, user, provider="alpha"), sent_probe(clock, user, provider="beta")
    long_ago = clock.now() - timedelta(days=9)
    forged = b"Subject: (aaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb)\r\n\r\nforged\r\n"
    dovecot.append(user, "Junk", probe_content(old), msg_time=long_ago)
    dovecot.append(user, "Junk", forged, msg_time=long_ago)
    dovecot.append(user, "INBOX", b"Subject: a letter\r\n\r\nhello\r\n", msg_time=long_ago)
    dovecot.append(user, "INBOX", probe_content(fresh))
    collector = make_collector(clock, dovecot.seed(user))
    assert await collector.delete_old_probes(older_than_seconds=86400 * 7) == 1
    assert await collector.delete_old_probes(older_than_seconds=86400 * 7) == 0
    await collector.aclose()
    left = b"".join(dovecot.snapshot(user).values())
    assert left.count(b"X-Relaypilot-Probe") == 1
    assert b"forged" in left
    assert b"a letter" in left


async def test_a_token_left_only_in_a_wrapped_body_is_found(dovecot, user, clock) -> None:
    probe = sent_probe(clock, user)
    body = probe_content(probe).partition(b"\r\n\r\n")[2]
    rewritten = b"Subject: changed\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    import base64

    dovecot.append(user, "INBOX", rewritten + base64.encodebytes(body))
    collector = make_collector(clock, dovecot.seed(user))
    assert (await watched(collector, probe))[Signal.ARRIVAL].outcome is Outcome.GOOD
    await collector.aclose()


async def test_a_kept_connection_that_the_server_closed_is_renewed(dovecot, user, clock) -> None:
    collector = make_collector(clock, dovecot.seed(user), polls=(0.05, 0.2, 0.5))
    probe = sent_probe(clock, user)
    task = asyncio.create_task(watched(collector, probe))
    await asyncio.sleep(0.3)
    collector._watchers[user]._reader.abort()  # the connection breaks between two looks
    await asyncio.to_thread(dovecot.append, user, "INBOX", probe_content(probe))
    seen = await asyncio.wait_for(task, 20)
    await collector.aclose()
    assert {o.outcome for signal, o in seen.items() if signal is not Signal.AUTHENTICATION} == {Outcome.GOOD}


async def test_a_jump_of_the_wall_clock_makes_nothing_missing(dovecot, user, clock) -> None:
    probe = sent_probe(clock, user)
    collector = make_collector(clock, dovecot.seed(user))
    task = asyncio.create_task(watched(collector, probe))
    await asyncio.sleep(0.2)
    clock.wall_jump = timedelta(hours=5)
    await asyncio.sleep(0.3)
    assert not task.done()
    await asyncio.to_thread(dovecot.append, user, "INBOX", probe_content(probe))
    seen = await asyncio.wait_for(task, 20)
    await collector.aclose()
    assert {o.outcome for signal, o in seen.items() if signal is not Signal.AUTHENTICATION} == {Outcome.GOOD}


async def test_a_probe_to_a_seed_that_is_not_configured_is_an_error(clock) -> None:
    collector = make_collector(clock)
    with pytest.raises(ProbeError, match='there is no seed "gone"'):
        await watched(collector, sent_probe(clock, "gone"))
    await collector.aclose()
