"""Looking names up at a real name server."""

import pytest

from service.readiness.dns_records import DnsFailedError, DnsResolver
from tests.readiness.name_server import NameServer

pytestmark = pytest.mark.anyio
RECORDS = {
    ("example.org", "TXT"): ['"v=spf1 include:relay.example " "~all"', '"something else"'],
    ("mail.example.org", "CNAME"): ["Relay.Example."],
    ("example.org", "MX"): ["10 mx1.example.org."],
}


@pytest.fixture(scope="module")
def server():
    with NameServer(RECORDS, silent=["silent.example"], broken=["broken.example"]).running() as running:
        yield running


@pytest.fixture
def dns(server):
    return DnsResolver(server.address, lifetime_seconds=0.5)


async def test_the_strings_of_a_text_are_joined(dns):
    assert set(await dns.texts("example.org")) == {"v=spf1 include:relay.example ~all", "something else"}


async def test_an_alias_and_an_exchange_come_without_their_last_dot(dns):
    assert await dns.aliases("mail.example.org") == ("relay.example",)
    assert await dns.exchanges("example.org") == ("mx1.example.org",)


async def test_a_name_or_a_type_that_is_absent_is_an_empty_answer(dns):
    assert await dns.texts("nosuch.example") == ()
    assert await dns.aliases("example.org") == ()


@pytest.mark.parametrize("name", ["broken.example", "silent.example", "a..b", f"{'x' * 64}.example", "bücher..example"])
async def test_what_cannot_be_found_out_is_told_apart_from_absence(dns, name):
    with pytest.raises(
        DnsFailedError, match=r"Looking up TXT of .+ failed: .+; check the name server 127\.0\.0\.1:\d+"
    ):
        await dns.texts(name)


async def test_silence_is_told_in_a_few_words_and_who_was_asked(dns):
    with pytest.raises(DnsFailedError, match=r"failed: no answer within [0-9.]+ s; check the name server 127.+\)\.$"):
        await dns.texts("silent.example")
