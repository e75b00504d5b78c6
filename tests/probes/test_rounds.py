import asyncio
import random
from contextlib import aclosing
from dataclasses import replace

import pytest

from probes.observation import Outcome, Signal
from probes.rounds import run_round, session_sweep
from tests.probes.test_collect import make_collector
from tests.probes.world import SECRET, SENDER, FakeProvider, RealClock, refusal

pytestmark = pytest.mark.anyio


def the_round(providers, seeds, collector, clock, **more):
    return run_round(
        providers,
        seeds,
        round_id="round-1",
        clock=clock,
        rng=random.Random(7),
        sender=SENDER,
        collector=collector,
        secret=SECRET,
        **more,
    )


async def everything(observations) -> list:
    async with aclosing(observations) as stream:
        return [observation async for observation in stream]


async def test_a_round_tells_acceptance_and_placement_of_every_pair(dovecot, user) -> None:
    clock = RealClock()
    seeds = [dovecot.seed(f"{user}-{number}", receiver=f"receiver{number}") for number in (1, 2)]
    for seed in seeds:
        dovecot.create(seed.name, "Junk")

    def into(folder: str):
        return lambda message: dovecot.append(message.recipient.partition("@")[0], folder, message.content)

    providers = [
        FakeProvider("alpha", clock, into("INBOX")),
        FakeProvider("beta", clock, into("Junk")),
        FakeProvider("gamma", clock, refusal=refusal("gamma", clock)),
    ]
    collector = make_collector(clock, *seeds)
    told = await everything(the_round(providers, seeds, collector, clock))
    await collector.aclose()
    matrix = {(o.provider, o.seed, o.signal): o for o in told}
    for seed in seeds:
        assert matrix["alpha", seed.name, Signal.PLACEMENT].outcome is Outcome.GOOD
        assert matrix["beta", seed.name, Signal.PLACEMENT].value == "spam"
        refused = matrix["gamma", seed.name, Signal.ACCEPTANCE]
        assert refused.outcome is Outcome.BAD
        assert (refused.category, refused.stage, refused.temporary) == ("account", "mail", False)
        assert refused.text == "550 5.7.1 Account suspended"
        assert refused.receiver == seed.receiver
    assert {o.round for o in told} == {"round-1"}
    assert len(told) == len(matrix) == 2 * (5 + 5 + 1)


async def test_providers_of_a_round_send_the_same_but_for_the_token(dovecot, user) -> None:
    clock = RealClock()
    providers = [FakeProvider(name, clock) for name in ("alpha", "beta")]
    collector = make_collector(clock, dovecot.seed(user), deadline=0.1)
    await everything(the_round(providers, [dovecot.seed(user)], collector, clock))
    await collector.aclose()
    (first,), (second,) = providers[0].messages, providers[1].messages
    tokens = [
        message.content.partition(b"X-Relaypilot-Probe: ")[2].partition(b"\r\n")[0] for message in (first, second)
    ]
    assert tokens[0] != tokens[1]
    assert first.content.replace(tokens[0], b"") == second.content.replace(tokens[1], b"")
    assert first.content.count(tokens[0]) == 4


async def test_a_provider_that_hangs_delays_no_other(dovecot, user) -> None:
    clock = RealClock()
    seeds = [dovecot.seed(user)]

    class Hanging(FakeProvider):
        async def submit(self, message):
            await asyncio.Event().wait()

    def deliver(message):
        dovecot.append(user, "INBOX", message.content)

    providers = [Hanging("alpha", clock), FakeProvider("beta", clock, deliver)]
    collector = make_collector(clock, *seeds)
    async with aclosing(the_round(providers, seeds, collector, clock, max_in_flight=1)) as stream:
        async for observation in stream:
            assert observation.provider == "beta"
            if observation.signal is Signal.AUTHENTICATION:
                break
    await collector.aclose()


async def test_an_adapter_that_raises_says_nothing_about_its_provider(dovecot, user) -> None:
    clock = RealClock()

    class Broken(FakeProvider):
        async def submit(self, message):
            raise RuntimeError("key-of-the-account")

        async def check_session(self, sender, recipient):
            raise RuntimeError("key-of-the-account")

    collector = make_collector(clock, dovecot.seed(user))
    told = await everything(the_round([Broken("alpha", clock)], [dovecot.seed(user)], collector, clock))
    told += await everything(
        session_sweep([Broken("alpha", clock)], sender=SENDER, recipient="a@b.test", sweep_id="s1", clock=clock)
    )
    await collector.aclose()
    assert [(o.signal, o.outcome) for o in told] == [
        (Signal.ACCEPTANCE, Outcome.UNKNOWN),
        (Signal.SESSION, Outcome.UNKNOWN),
    ]
    assert "key-of-the-account" not in repr(told)


async def test_a_sweep_checks_every_provider_once() -> None:
    clock = RealClock()
    providers = [
        FakeProvider("alpha", clock),
        FakeProvider("beta", clock, refusal=replace(refusal("beta", clock), text="line one\r\nline\ttwo" + "x" * 400)),
    ]
    told = await everything(
        session_sweep(
            providers, sender=SENDER, recipient="s@seed.test", sweep_id="sweep-9", clock=clock, confirmation=True
        )
    )
    by_provider = {o.provider: o for o in told}
    assert by_provider["alpha"].outcome is Outcome.GOOD
    assert by_provider["beta"].outcome is Outcome.BAD
    assert by_provider["beta"].text.startswith("550 line one line two")
    assert len(by_provider["beta"].text) == 300
    assert {(o.signal, o.round, o.confirmation) for o in told} == {(Signal.SESSION, "sweep-9", True)}
