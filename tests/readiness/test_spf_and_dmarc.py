"""What SPF and DMARC records are worth."""

import pytest

from providers.checkup import Verdict
from service.readiness.dmarc import dmarc_finding
from service.readiness.spf import spf_finding
from tests.readiness.fakes import FakeDns

MANY = "v=spf1 " + " ".join(f"include:{n}.example" for n in range(11)) + " -all"


@pytest.mark.parametrize(
    ("texts", "include", "verdict", "words"),
    [
        (["v=spf1 include:relay.example ~all"], "relay.example", Verdict.OK, "names this relay"),
        (["v=spf1 +include:Relay.Example -all"], "relay.example", Verdict.OK, "names this relay"),
        (["v=spf1 include:other.example ~all"], "relay.example", Verdict.FAILED, "does not name this relay"),
        (["v=spf1 include:xrelay.example ~all"], "relay.example", Verdict.FAILED, "does not name this relay"),
        (["v=spf1 ip4:192.0.2.1 -all"], None, Verdict.UNKNOWN, "not known here"),
        ([], "relay.example", Verdict.FAILED, "has no SPF record"),
        (["google-site-verification=1", "v=spf10 x"], None, Verdict.WARNING, "has no SPF record"),
        (["v=spf1 -all", "v=spf1 a ~all"], None, Verdict.FAILED, "has 2 SPF records"),
        (["v=spf1 a +all"], None, Verdict.WARNING, "lets everybody send"),
        (["v=spf1 mx all"], None, Verdict.WARNING, "lets everybody send"),
        ([MANY], None, Verdict.FAILED, "11 further lookups"),
    ],
)
def test_an_spf_record_is_judged(texts, include, verdict, words):
    found = spf_finding("example.org", texts, include)
    assert (found.code, found.verdict) == ("spf", verdict)
    assert words in found.sentence
    assert bool(found.remedy) is (verdict is not Verdict.OK)


def test_a_relay_that_says_elsewhere_what_it_wants_need_not_be_named():
    found = spf_finding("example.org", ["v=spf1 a -all"], None, known=True)
    assert (found.verdict, found.remedy) == (Verdict.OK, "")


def test_the_remedy_shows_the_record_to_add():
    found = spf_finding("example.org", [], "relay.example")
    assert found.remedy == 'Add a TXT record at example.org: "v=spf1 include:relay.example ~all".'


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("texts", "verdict", "words"),
    [
        ({"_dmarc.mg.example.org": ["v=DMARC1; p=reject"]}, Verdict.OK, "_dmarc.mg.example.org (p=reject)"),
        ({"_dmarc.example.org": ["v=DMARC1;p=none;rua=mailto:a@b"]}, Verdict.OK, "_dmarc.example.org (p=none)"),
        ({"_dmarc.org": ["v=DMARC1; p=none"]}, Verdict.WARNING, "has no DMARC record"),
        ({}, Verdict.WARNING, "has no DMARC record"),
        ({"_dmarc.example.org": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}, Verdict.FAILED, "2 DMARC records"),
        ({"_dmarc.example.org": ["v=DMARC1; p=maybe"]}, Verdict.FAILED, "no valid policy"),
        ({"_dmarc.example.org": ["v=DMARC1"]}, Verdict.FAILED, "no valid policy"),
    ],
)
async def test_a_dmarc_record_is_found_and_judged(texts, verdict, words):
    found = await dmarc_finding("mg.example.org", FakeDns(texts))
    assert (found.code, found.verdict) == ("dmarc", verdict)
    assert words in found.sentence
