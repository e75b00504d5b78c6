"""How a Mailgun account is found to stand, each point in a sentence with its remedy."""

import pytest

from providers.checkup import Verdict
from providers.http import HttpApi
from providers.mailgun_api import MailgunApi
from providers.mailgun_checkup import check_account
from tests.providers.http_server import serving
from tests.providers.mailgun_world import DOMAIN, DOMAIN_PATH, Account, FixedClock, domain, examples, provider, record

pytestmark = pytest.mark.anyio
SENDER = "probe@example.org"


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


async def findings(account, **changes):
    async with serving(account) as server:
        checkup = await provider(server.url, **changes).check(SENDER)
    api = [
        finding
        for finding in checkup.findings
        if finding.code not in ("reachable", "credentials", "sender", "tls", "size")
    ]
    for finding in api:
        assert finding.sentence.endswith("."), finding
        assert (finding.verdict is Verdict.OK) is (finding.remedy == "") or finding.verdict is Verdict.UNKNOWN, finding
    return {finding.code: finding for finding in api}


async def test_a_good_account_is_found_good_and_nothing_is_sent():
    account = Account()
    async with serving(account) as server:
        checkup = await provider(server.url).check(SENDER)
    found = {finding.code: finding.verdict for finding in checkup.findings}
    assert [found[code] for code in ("sending-key", "api-key", "domain", "queue", "quota", "webhook")] == [
        Verdict.OK
    ] * 6
    assert "reachable" in found  # the session by SMTP comes first
    assert [r.method for r in server.requests].count("POST") == 1
    assert b"message/rfc822" not in server.requests[0].body


FORBIDDEN = (401, "Forbidden")
QUEUES = f"/v3/domains/{DOMAIN}/sending_queues"
LIMIT = "/v5/accounts/limit/custom/monthly"
UNVERIFIED = domain(
    "unverified", [record(valid="unknown"), record(record_type="CNAME", name=f"email.{DOMAIN}", value="mailgun.org")]
)


@pytest.mark.parametrize(
    ("path", "answer", "code", "verdict", "says"),
    [
        (DOMAIN_PATH, (401, {"message": "Invalid private key"}), "api-key", Verdict.FAILED, "is a domain sending key"),
        (DOMAIN_PATH, (200, UNVERIFIED), "domain", Verdict.FAILED, f'Add to DNS: TXT {DOMAIN} "v=spf1 include'),
        (
            DOMAIN_PATH,
            (200, domain(is_disabled=True, disabled={"code": "X", "reason": "Spam", "permanently": True, "note": ""})),
            *("domain", Verdict.FAILED, "disabled mg.example.org (Spam, X)"),
        ),
        (DOMAIN_PATH, (200, domain(records=[record(valid="invalid")])), "domain-records", Verdict.WARNING, "v=spf1"),
        (DOMAIN_PATH, (404, {"message": "Domain not found"}), "domain", Verdict.FAILED, "no domain mg.example.org"),
        (DOMAIN_PATH, (200, domain("thinking")), "domain", Verdict.UNKNOWN, "not known here"),
        (DOMAIN_PATH, (500, {"message": "Internal Server Error"}), "api-key", Verdict.UNKNOWN, "answered 500"),
        (
            QUEUES,
            (
                200,
                {
                    "regular": {"is_disabled": True, "disabled": {"until": "Mon, 02 Mar 2026", "reason": "too many"}},
                    "scheduled": {"is_disabled": False},
                },
            ),
            *("queue", Verdict.FAILED, "until Mon, 02 Mar 2026: too many"),
        ),
        (QUEUES, (429, "slow"), "rate", Verdict.WARNING, "ask less often"),
        (QUEUES, (403, "no"), "queue", Verdict.UNKNOWN, "answered 403"),
        (LIMIT, (200, {"limit": 100, "current": 95, "period": "1m"}), "quota", Verdict.WARNING, "95 of 100"),
        (LIMIT, (200, {"limit": 100, "current": 100, "period": "1d"}), "quota", Verdict.FAILED, "this day's limit"),
        (LIMIT, (404, {"message": "No threshold for account"}), "quota", Verdict.OK, "No sending limit"),
        (LIMIT, (200, {"limit": "x"}), "quota", Verdict.UNKNOWN, "no sending limit"),
        (
            "/v5/accounts/http_signing_key",
            (200, {"http_signing_key": "k"}),
            "webhook",
            Verdict.WARNING,
            "not the account",
        ),
        ("/v5/accounts/http_signing_key", (200, {}), "webhook", Verdict.UNKNOWN, "does not tell"),
    ],
)
async def test_what_is_wrong_is_said_with_a_remedy(path, answer, code, verdict, says):
    finding = (await findings(Account().set("GET", path, *answer)))[code]
    assert finding.verdict is verdict
    assert says in f"{finding.sentence} {finding.remedy}"


@pytest.mark.parametrize(
    ("answer", "code", "verdict", "says"),
    [
        (FORBIDDEN, "sending-key", Verdict.FAILED, "Correct sending_key"),
        ((404, {"message": "Domain not found"}), "settings", Verdict.FAILED, "domain, region"),
        ((200, "Mailgun Magnificent API"), "settings", Verdict.FAILED, "api_url"),
        ((403, {"message": "Your account is disabled"}), "account", Verdict.FAILED, "is disabled"),
        ((420, {"message": "enough"}), "quota", Verdict.FAILED, "420 enough"),
        ((429, "slow"), "rate", Verdict.WARNING, "429"),
        ((500, ""), "sending-key", Verdict.UNKNOWN, "500"),
    ],
)
async def test_the_sending_key_is_judged_by_a_hand_over_of_nothing(answer, code, verdict, says):
    account = Account().set("POST", f"/v3/{DOMAIN}/messages.mime", *answer)
    async with serving(account) as server:
        checkup = await provider(server.url, sending_key="sending-1").check(SENDER)
    finding = next(finding for finding in checkup.findings if finding.code == code)
    assert finding.verdict is verdict
    assert says in f"{finding.sentence} {finding.remedy}"


async def test_a_wrong_key_is_told_from_a_sending_key():
    account = Account().set("GET", DOMAIN_PATH, *FORBIDDEN).set("POST", f"/v3/{DOMAIN}/messages.mime", *FORBIDDEN)
    found = await findings(account)
    assert (found["api-key"].verdict, "control panel" in found["api-key"].remedy) == (Verdict.FAILED, True)


async def test_without_keys_it_is_said_that_the_account_was_not_asked():
    found = await findings(Account(), api_key=None)
    assert found["scope"].verdict is Verdict.UNKNOWN
    assert "api_key" in found["scope"].remedy


async def test_a_dead_api_is_a_finding_and_no_error():
    checkup = await provider("http://127.0.0.1:1").check(SENDER)
    assert {f.code: f.verdict for f in checkup.findings}["api-key"] is Verdict.UNKNOWN


async def test_a_sender_of_another_organisation_is_warned_of():
    async with serving(Account()) as server:
        checkup = await provider(server.url).check("anna@example.com")
    assert {f.code: f.verdict for f in checkup.findings}["alignment"] is Verdict.WARNING


async def test_the_wrong_region_is_named():
    def api(url):
        http_api = HttpApi(
            "relay", url, ("api", "k"), clock=FixedClock(), stage_timeout_seconds=5, total_timeout_seconds=5
        )
        return MailgunApi("relay", DOMAIN, reading=http_api, sending=None, clock=FixedClock(), max_message_bytes=1000)

    here = Account().set("GET", DOMAIN_PATH, 404, {"message": "Domain not found"})
    async with serving(here) as us, serving(Account()) as eu:
        found = await check_account(api(us.url), SENDER, elsewhere=api(eu.url), webhook_signing_key=None)
        assert "other region" in found[-1].sentence
        assert "Correct region" in found[-1].remedy
        found = await check_account(api(us.url), SENDER, elsewhere=api(us.url), webhook_signing_key=None)
        assert "no domain" in found[-1].sentence


async def test_the_official_examples_are_understood():
    (told,) = examples("get", "/v4/domains/{name}").values()
    (queue,) = examples("get", "/v3/domains/{name}/sending_queues").values()
    account = Account().set("GET", DOMAIN_PATH, 200, told).set("GET", QUEUES, 200, queue)
    for path in ("/v5/accounts/http_signing_key", LIMIT):
        (example,) = examples("get", path).values()
        account.set("GET", path, 200, example)
    found = await findings(account)
    assert {code: finding.verdict for code, finding in found.items()} == {
        "sending-key": Verdict.OK,
        "api-key": Verdict.OK,
        "domain": Verdict.OK,
        "queue": Verdict.FAILED,
        "quota": Verdict.OK,
        "webhook": Verdict.WARNING,
    }
    assert "too many messages in queue" in found["queue"].sentence
