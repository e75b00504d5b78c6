"""Whether the sending domain is authenticated at a provider."""

import pytest

from providers.checkup import Verdict
from providers.domain_auth import DomainAuth, DomainState, WantedRecord
from service.readiness.sender_domain import domain_findings
from tests.readiness.fakes import FakeDns, FakeProvider

pytestmark = pytest.mark.anyio
SPF = WantedRecord(
    type="TXT", name="mg.example.org", value="v=spf1 include:mailgun.org ~all", purpose="spf", valid=True
)
PLAIN_SPF = WantedRecord(
    type="TXT", name="mg.example.org", value="v=spf1 ip4:192.0.2.1 -all", purpose="spf", valid=None
)
DKIM = WantedRecord(
    type="TXT", name="k1._domainkey.mg.example.org", value="k=rsa; p=MIGfMA0GCSq", purpose="dkim", valid=True
)
ALIAS = WantedRecord(
    type="CNAME", name="em1.example.org", value="u1.wl.sendgrid.net", purpose="return-path", valid=True
)
EXCHANGE = WantedRecord(type="MX", name="mg.example.org", value="10 mxa.mailgun.org", purpose="other", valid=None)
ODD = WantedRecord(type="TLSA", name="x.example.org", value="3 1 1 ab", purpose="other", valid=True)


async def found(domain, dns, *, spf_include=None, dkim_selectors=(), **options):
    provider = FakeProvider(domain=domain, **options)
    findings = await domain_findings(
        provider, "mg.example.org", dns, spf_include=spf_include, dkim_selectors=dkim_selectors
    )
    return {(f.code, f.sentence): f for f in findings}


def only(findings, words):
    matching = [f for (_, sentence), f in findings.items() if words in sentence]
    assert len(matching) == 1, findings
    return matching[0]


@pytest.mark.parametrize(
    ("state", "verdict", "words"),
    [
        (DomainState.ACTIVE, Verdict.OK, "one sends for mg.example.org."),
        (DomainState.UNVERIFIED, Verdict.FAILED, "is not verified at one"),
        (DomainState.DISABLED, Verdict.FAILED, "is disabled at one: too many complaints."),
        (DomainState.UNKNOWN, Verdict.WARNING, "is unknown at one"),
    ],
)
async def test_what_the_provider_says_of_the_domain_is_told(state, verdict, words):
    reason = "too many complaints" if state is DomainState.DISABLED else ""
    findings = await found(DomainAuth(domain="mg.example.org", state=state, reason=reason), FakeDns())
    one = only(findings, words)
    assert (one.code, one.verdict) == ("domain", verdict)


@pytest.mark.parametrize(
    ("record", "dns", "verdict", "code"),
    [
        (SPF, FakeDns({"mg.example.org": ["v=spf1 a include:mailgun.org include:x.example -all"]}), Verdict.OK, "spf"),
        (SPF, FakeDns({"mg.example.org": ["v=spf1 include:mailgun.org.example ~all"]}), Verdict.FAILED, "spf"),
        (SPF, FakeDns({"mg.example.org": ["v=spf1 redirect=o.example"], "o.example": [SPF.value]}), Verdict.OK, "spf"),
        (PLAIN_SPF, FakeDns({"mg.example.org": ["v=spf1 ip4:192.0.2.1 -all"]}), Verdict.OK, "spf"),
        (PLAIN_SPF, FakeDns({"mg.example.org": ["x"]}), Verdict.FAILED, "spf"),
        (DKIM, FakeDns({"k1._domainkey.mg.example.org": ["k=rsa;p=MIGf MA0GCSq"]}), Verdict.OK, "dkim"),
        (DKIM, FakeDns({"k1._domainkey.mg.example.org": ["k=rsa; p=OTHER"]}), Verdict.FAILED, "dkim"),
        (DKIM, FakeDns(), Verdict.FAILED, "dkim"),
        (ALIAS, FakeDns(aliases={"em1.example.org": ["u1.wl.sendgrid.net"]}), Verdict.OK, "dns"),
        (ALIAS, FakeDns(aliases={"em1.example.org": ["u2.wl.sendgrid.net"]}), Verdict.FAILED, "dns"),
        (EXCHANGE, FakeDns(exchanges={"mg.example.org": ["mxa.mailgun.org"]}), Verdict.OK, "dns"),
        (EXCHANGE, FakeDns(), Verdict.WARNING, "dns"),
        (ODD, FakeDns(), Verdict.UNKNOWN, "dns"),
        (DKIM, FakeDns(fails=True), Verdict.UNKNOWN, "dkim"),
    ],
)
async def test_each_wanted_record_is_looked_up(record, dns, verdict, code):
    told = DomainAuth(domain="mg.example.org", state=DomainState.ACTIVE, records=(record,))
    findings = await found(told, dns)
    one = (
        next(
            f
            for f in findings.values()
            if record.name in f.sentence + f.remedy and f.verdict is verdict and f.code == code
        )
        if verdict is not Verdict.UNKNOWN or record is ODD
        else next(f for f in findings.values() if f.code == code)
    )
    assert one.verdict is verdict
    if verdict in (Verdict.FAILED, Verdict.WARNING):
        assert one.remedy == f'Add a {record.type} record at {record.name}: "{record.value}".'


@pytest.mark.parametrize("purpose", ["mx", "tracking"])
async def test_records_that_sending_does_not_need_are_not_asked_for(purpose):
    record = WantedRecord(type="MX", name="mg.example.org", value="10 mxa.mailgun.org", purpose=purpose, valid=False)
    told = DomainAuth(domain="mg.example.org", state=DomainState.ACTIVE, records=(record,))
    assert not [f for f in (await found(told, FakeDns())).values() if "mxa.mailgun.org" in f.remedy]


async def test_a_published_record_that_the_provider_has_not_seen_is_a_warning():
    stale = WantedRecord(type="CNAME", name="em1.example.org", value="u1.example", purpose="dkim", valid=False)
    told = DomainAuth(domain="mg.example.org", state=DomainState.UNVERIFIED, records=(stale,))
    findings = await found(told, FakeDns(aliases={"em1.example.org": ["u1.example"]}))
    one = only(findings, "has not seen it yet")
    assert one.verdict is Verdict.WARNING


async def test_without_an_api_the_configured_names_are_looked_up():
    texts = {
        "mg.example.org": ["v=spf1 include:relay.example ~all"],
        "s1._domainkey.mg.example.org": ["v=DKIM1; p=ABC"],
        "s2._domainkey.mg.example.org": ["v=DKIM1; p="],
    }
    findings = await found(
        None, FakeDns(texts), domain_auth=False, spf_include="relay.example", dkim_selectors=("s1", "s2", "s3")
    )
    assert [f.code for f in findings.values()] == ["spf", "dmarc", "dkim", "dkim", "dkim"]
    assert only(findings, "key is published at s1").verdict is Verdict.OK
    assert only(findings, "at s2._domainkey.mg.example.org is withdrawn").verdict is Verdict.FAILED
    assert only(findings, "No DKIM key is published at s3").verdict is Verdict.FAILED


async def test_a_provider_that_does_not_answer_is_told_and_the_dns_is_looked_up_all_the_same():
    findings = await found(None, FakeDns({"mg.example.org": ["v=spf1 -all"]}), fails=("domain",))
    assert only(findings, "one did not say how mg.example.org stands").verdict is Verdict.UNKNOWN
    assert only(findings, "has one SPF record").verdict is Verdict.UNKNOWN


async def test_names_that_cannot_be_looked_up_are_unknown_and_never_missing():
    findings = await found(None, FakeDns(fails=True), domain_auth=False, dkim_selectors=("s1",))
    assert {f.verdict for f in findings.values()} == {Verdict.UNKNOWN}


async def test_a_relay_that_is_included_by_way_of_another_is_named():
    texts = {
        "mg.example.org": ["v=spf1 include:_spf.example.org -all"],
        "_spf.example.org": ["v=spf1 include:mg.example.org include:%{d}.example +include:Relay.Example. ~all"],
    }
    findings = await found(None, FakeDns(texts), domain_auth=False, spf_include="relay.example")
    assert only(findings, "by way of another").verdict is Verdict.OK
    findings = await found(None, FakeDns(texts), domain_auth=False, spf_include="other.example")
    assert only(findings, "does not name this relay").verdict is Verdict.FAILED


async def test_a_walk_along_includes_ends():
    texts = {f"{n}.example": [f"v=spf1 include:{n + 1}.example -all"] for n in range(99)}
    findings = await found(None, FakeDns({**texts, "mg.example.org": texts["0.example"]}), spf_include="50.example")
    assert only(findings, "does not name this relay").verdict is Verdict.FAILED
