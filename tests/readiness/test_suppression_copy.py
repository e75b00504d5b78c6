"""Copying suppressed addresses between providers."""

import pytest

from providers.errors import CallError
from providers.failure import Category, Failure, Stage
from providers.suppression import Suppression, SuppressionKind
from service.errors import NoSuchProviderError, UsageError
from service.suppression_copy import CHUNK, CopyFailedError, copy_suppressions
from tests.readiness.fakes import FakeProvider, ago

pytestmark = pytest.mark.anyio
BOUNCE, COMPLAINT, UNSUBSCRIBE = (
    SuppressionKind.HARD_BOUNCE,
    SuppressionKind.COMPLAINT,
    SuppressionKind.UNSUBSCRIBE,
)


def suppressed(address, kind=BOUNCE):
    return Suppression(address=address, kind=kind, at=ago(days=1))


def pair(first=(), second=(), **options):
    providers = [FakeProvider("first", suppressed=first), FakeProvider("second", suppressed=second, **options)]
    return {p.name: p for p in providers}


async def copied(providers, source=None, target=None, dry_run=False, seeds=()):
    return await copy_suppressions(providers, source=source, target=target, dry_run=dry_run, seeds=seeds)


async def test_each_gets_what_it_lacks_of_the_other():
    providers = pair(
        [suppressed("a@x.example"), suppressed("B@x.example", COMPLAINT)],
        [suppressed("b@X.example", UNSUBSCRIBE), suppressed("c@x.example", UNSUBSCRIBE)],
    )
    first, second = await copied(providers)
    assert (first.added, first.addresses) == (1, ("c@x.example",))
    assert (second.added, second.addresses) == (1, ("a@x.example",))
    assert [s.address for s in providers["second"].added] == ["a@x.example"]


async def test_a_dry_run_counts_and_adds_nothing():
    providers = pair([suppressed("a@x.example"), suppressed("b@x.example", COMPLAINT)])
    (done,) = await copied(providers, "first", "second", dry_run=True)
    assert (done.lacking, done.added) == ({COMPLAINT: 1, BOUNCE: 1}, 0)
    assert providers["second"].added == []


async def test_temporary_blocks_and_invalid_addresses_are_not_copied():
    providers = pair([suppressed("a@x.example", SuppressionKind.BLOCK), suppressed("b", SuppressionKind.INVALID)])
    (done,) = await copied(providers, "first", "second")
    assert done.addresses == ()


async def test_a_seed_is_never_copied():
    providers = pair([suppressed("seed.one@x.example"), suppressed("a@x.example")])
    (done,) = await copied(providers, "first", "second", seeds=["Seed.One@x.example"])
    assert done.addresses == ("a@x.example",)


async def test_many_are_added_in_chunks_and_a_failure_halfway_is_told():
    providers = pair([suppressed(f"u{n:04}@x.example") for n in range(CHUNK + 1)], fails=("add",))
    providers["first"]._page_size = 100
    with pytest.raises(CopyFailedError, match=f"after {CHUNK} of {CHUNK + 1} addresses, which stay; repeat"):
        await copied(providers, "first", "second")
    assert len(providers["second"].added) == CHUNK


async def test_an_address_that_is_refused_for_good_keeps_no_other_out():
    class Picky(FakeProvider):
        async def suppress(self, suppressions):
            if any(s.address == "bad@x.example" for s in suppressions):
                refused = Failure(category=Category.UNKNOWN, stage=Stage.END_OF_DATA, temporary=False, rule="http-400")
                raise CallError("adding: 400 not an address", refused)
            self.added += suppressions

    good = [suppressed(f"u{n}@x.example") for n in range(9)]
    first = FakeProvider("first", suppressed=[*good[:4], suppressed("bad@x.example"), *good[4:]])
    second = Picky("second")
    (done,) = await copied({"first": first, "second": second}, "first", "second")
    assert (len(done.addresses), done.added) == (10, 9)
    assert {s.address for s in second.added} == {s.address for s in good}


async def test_nothing_is_added_anywhere_when_a_list_cannot_be_read():
    providers = pair([suppressed("a@x.example")], fails=("list",))
    with pytest.raises(CopyFailedError, match="Reading the suppression list of second failed; nothing was copied"):
        await copied(providers)
    assert providers["first"].added == []


@pytest.mark.parametrize(
    ("source", "target", "error", "words"),
    [
        ("nosuch", None, NoSuchProviderError, 'no provider "nosuch"; configured are first, second'),
        (None, "nosuch", NoSuchProviderError, 'no provider "nosuch"'),
        ("first", "first", UsageError, "needs two providers"),
    ],
)
async def test_what_cannot_be_copied_between_is_told(source, target, error, words):
    with pytest.raises(error, match=words):
        await copied(pair(), source, target)


async def test_a_provider_without_a_list_or_without_additions_is_told():
    providers = {"first": FakeProvider("first"), "plain": FakeProvider("plain", suppressions=False, suppress=False)}
    with pytest.raises(UsageError, match="plain does not tell its list"):
        await copied(providers, "plain")
    with pytest.raises(UsageError, match="nothing can be added at plain"):
        await copied(providers, None, "plain")
    with pytest.raises(UsageError, match="needs two providers"):
        await copied(providers)
