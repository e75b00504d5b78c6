import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from probes.observation import Outcome, Signal
from probes.seeds import Seed
from providers.base import TlsMode
from tests.probes.scripted_imap import ScriptedImap
from tests.probes.test_collect import make_collector, watched
from tests.probes.world import RealClock, probe_content, sent_probe

pytestmark = pytest.mark.anyio


class LongAgoClock(RealClock):
    """A clock near the INTERNALDATE of the scripted server."""

    def __init__(self) -> None:
        super().__init__()
        self.wall_jump = datetime(2026, 11, 23, 12, 0, tzinfo=UTC) - datetime.now(UTC)


@pytest.fixture
def clock() -> RealClock:
    return LongAgoClock()


def seed_at(server: ScriptedImap, name: str = "s1") -> Seed:
    return Seed(
        name=name,
        receiver="gmail",
        address=f"{name}@seed.test",
        host="127.0.0.1",
        port=server.port,
        username=name,
        password="a-password-4711",
        tls=TlsMode.NONE,
    )


@pytest.mark.parametrize("where", ["LOGIN", "LIST", "EXAMINE", "FETCH"])
async def test_a_server_that_hangs_makes_its_probes_unknown_and_not_missing(clock, where: str) -> None:
    probe = sent_probe(clock, "s1")
    with ScriptedImap(messages={1: probe_content(probe)}, hang_in=where) as server:
        collector = make_collector(clock, seed_at(server), deadline=0.3, timeout=0.3)
        seen = await asyncio.wait_for(watched(collector, probe), 20)
        await collector.aclose()
    assert list(seen) == [Signal.ARRIVAL]
    assert seen[Signal.ARRIVAL].outcome is Outcome.UNKNOWN
    assert "no answer within 0.3 s" in seen[Signal.ARRIVAL].text


@pytest.mark.parametrize("where", ["LOGIN", "EXAMINE"])
async def test_a_server_that_drips_is_broken_off(clock, where: str) -> None:
    probe = sent_probe(clock, "s1")
    with ScriptedImap(drip_in=where) as server:
        collector = make_collector(clock, seed_at(server), deadline=0.3, timeout=0.4)
        seen = await asyncio.wait_for(watched(collector, probe), 20)
        await collector.aclose()
    assert seen[Signal.ARRIVAL].outcome is Outcome.UNKNOWN
    assert "did not finish within 1.2 s" in seen[Signal.ARRIVAL].text


async def test_a_hung_seed_starves_no_other(clock) -> None:
    mine, other = sent_probe(clock, "s1"), sent_probe(clock, "s2")
    with ScriptedImap(hang_in="EXAMINE") as hung, ScriptedImap(messages={1: probe_content(other)}) as sound:
        collector = make_collector(clock, seed_at(hung), seed_at(sound, "s2"), timeout=30.0)
        stuck = asyncio.create_task(watched(collector, mine))
        began = time.monotonic()
        seen = await asyncio.wait_for(watched(collector, other), 20)
        assert time.monotonic() - began < 15
        assert seen[Signal.ARRIVAL].outcome is Outcome.GOOD
        stuck.cancel()
        await asyncio.wait([stuck])
        await collector.aclose()


async def test_a_connection_cut_in_an_answer_is_taken_up_again(clock) -> None:
    probe = sent_probe(clock, "s1")
    with ScriptedImap(messages={1: probe_content(probe)}, cut_in="FETCH") as server:
        collector = make_collector(clock, seed_at(server))
        seen = await asyncio.wait_for(watched(collector, probe), 20)
        await collector.aclose()
    assert seen[Signal.ARRIVAL].outcome is Outcome.GOOD


async def test_a_server_without_uidnext_is_searched(clock) -> None:
    probe = sent_probe(clock, "s1")
    with ScriptedImap(messages={5: probe_content(probe)}, uidnext=False) as server:
        collector = make_collector(clock, seed_at(server))
        seen = await asyncio.wait_for(watched(collector, probe), 20)
        await collector.aclose()
    assert seen[Signal.PLACEMENT].value == "inbox"


async def test_a_folder_that_may_not_be_opened_is_left_out_unless_it_matters(clock) -> None:
    probe = sent_probe(clock, "s1")
    with ScriptedImap(refuse="Private") as server:
        collector = make_collector(clock, seed_at(server), deadline=0.3)
        seen = await asyncio.wait_for(watched(collector, probe), 20)
        await collector.aclose()
    assert seen[Signal.ARRIVAL].outcome is Outcome.BAD
    assert seen[Signal.ARRIVAL].text.startswith("not in INBOX, Junk after")
    with ScriptedImap(refuse="Junk") as server:
        collector = make_collector(clock, seed_at(server), deadline=0.3)
        seen = await asyncio.wait_for(watched(collector, probe), 20)
        await collector.aclose()
    assert seen[Signal.ARRIVAL].outcome is Outcome.UNKNOWN
    assert "does not open Junk" in seen[Signal.ARRIVAL].text


async def test_gmails_tabs_are_told_from_the_inbox(clock) -> None:
    probe = sent_probe(clock, "s1")
    with ScriptedImap(
        messages={3: probe_content(probe)}, capabilities="IMAP4rev1 X-GM-EXT-1", tabs={"promotions": [3]}
    ) as server:
        collector = make_collector(clock, seed_at(server))
        seen = await asyncio.wait_for(watched(collector, probe), 20)
        await collector.aclose()
    assert seen[Signal.PLACEMENT].value == "tab:promotions"
    assert seen[Signal.PLACEMENT].outcome is Outcome.GOOD


async def test_one_look_serves_all_probes_and_only_new_mail_is_fetched(clock) -> None:
    probes = [sent_probe(clock, "s1", provider=f"p{n}") for n in range(5)]
    with ScriptedImap(messages={n: probe_content(probe) for n, probe in enumerate(probes, 1)}) as server:
        collector = make_collector(clock, seed_at(server), deadline=0.5)
        await asyncio.gather(*(watched(collector, probe) for probe in probes))
        looks = server.seen.count('EXAMINE "INBOX"')
        assert looks <= 2
        await watched(collector, replace(probes[0], token="a" * 16, round="r2"))
        await collector.aclose()
    fetched = [line for line in server.seen if "HEADER" in line]
    assert fetched == ["UID FETCH 1,2,3,4,5 (INTERNALDATE BODY.PEEK[HEADER])"]
    assert not any(line.startswith(("SELECT", "UID STORE", "STORE", "EXPUNGE")) for line in server.seen)


async def test_the_password_is_in_no_text(clock) -> None:
    with ScriptedImap(hang_in="LOGIN") as server:
        seed = seed_at(server)
        collector = make_collector(clock, seed, timeout=0.2)
        reason = await collector.check_seed(seed)
        await collector.aclose()
    assert "a-password-4711" not in repr(seed) + reason


async def test_a_server_that_is_not_there_is_named(clock) -> None:
    with ScriptedImap() as server:
        seed = seed_at(server)
    collector = make_collector(clock, seed)
    assert f"connecting to 127.0.0.1:{seed.port}" in await collector.check_seed(seed)
    await collector.aclose()
