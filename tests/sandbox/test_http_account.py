"""The account as both providers tell of it: domains, DNS records, queues, credits, senders, suppression lists."""

import pytest

from deploy.sandbox.world import World
from tests.sandbox.clients import eventually
from tests.sandbox.http_clients import DOMAIN, SEED, Client


def test_mailguns_domain_follows_the_faults(world: World, mailgun: Client) -> None:
    def domain() -> tuple[str, bool, set[str]]:
        told = mailgun.get(f"/v4/domains/{DOMAIN}")
        return (
            told["domain"]["state"],
            told["domain"]["is_disabled"],
            {r["valid"] for r in told["sending_dns_records"]},
        )

    assert domain() == ("active", False, {"valid"})
    world.fault("mailgun", "sender_unverified")
    assert domain() == ("unverified", False, {"unknown"})
    assert mailgun.ask("PUT", f"/v4/domains/{DOMAIN}/verify").json()["domain"]["state"] == "unverified"
    world.heal()
    world.fault("mailgun", "suspended")
    assert domain() == ("disabled", True, {"valid"})
    assert mailgun.get("/v4/domains?state=active")["items"] == []
    queue = mailgun.get(f"/v3/domains/{DOMAIN}/sending_queues")["regular"]
    assert (queue["is_disabled"], "suspended" in queue["disabled"]["reason"]) == (True, True)
    world.heal()
    assert not mailgun.get(f"/v3/domains/{DOMAIN}/sending_queues")["regular"]["is_disabled"]
    limit = mailgun.get("/v5/accounts/limit/custom/monthly")
    assert limit["current"] < limit["limit"]
    world.fault("mailgun", "quota")
    assert mailgun.get("/v5/accounts/limit/custom/monthly")["current"] == limit["limit"]
    assert mailgun.get("/v5/accounts/http_signing_key")["http_signing_key"].startswith("key-")


def test_sendgrids_account_follows_the_faults(world: World, sendgrid: Client) -> None:
    def account() -> tuple[bool, bool, bool, bool]:
        domain = sendgrid.get("/v3/whitelabel/domains")[0]
        assert sendgrid.get(f"/v3/whitelabel/domains/{domain['id']}") == domain
        validated = sendgrid.ask("POST", f"/v3/whitelabel/domains/{domain['id']}/validate").json()
        senders = sendgrid.get("/v3/verified_senders")["results"]
        remain = sendgrid.get("/v3/user/credits")["remain"]
        return domain["valid"], validated["validation_results"]["dkim1"]["valid"], senders[0]["verified"], remain > 0

    assert account() == (True, True, True, True)
    world.fault("sendgrid", "sender_unverified")
    assert account() == (False, False, False, True)
    world.heal()
    world.fault("sendgrid", "quota")
    assert account() == (True, True, True, False)
    assert "mail.send" in sendgrid.get("/v3/scopes")["scopes"]
    assert sendgrid.get("/v3/user/account")["type"] == "paid"
    assert sendgrid.get("/v3/whitelabel/domains?domain=other.test") == []
    assert sendgrid.ask("GET", "/v3/whitelabel/domains/1").status_code == 404


def fate(world: World, client: Client, recipient: str) -> str:
    client.send(recipient)
    return str(eventually(lambda: (r := world.accepted(client.provider)[-1]["fate"]) != "underway" and r))


@pytest.mark.parametrize("which", ["bounces", "complaints", "unsubscribes"])
def test_mailguns_lists_keep_mail_back_until_cleared(world: World, mailgun: Client, which: str) -> None:
    people = [f"user-{n}@yahoo.test" for n in range(1, 6)]
    mailgun.ask("DELETE", f"/v3/{DOMAIN}/{which}")
    added = mailgun.ask("POST", f"/v3/{DOMAIN}/{which}", json=[{"address": a} for a in people])
    assert "5 addresses" in added.json()["message"]
    assert mailgun.ask("POST", f"/v3/{DOMAIN}/{which}", data={"address": people[0]}).status_code == 200
    target, seen, base = f"/v3/{DOMAIN}/{which}?limit=2", [], str(mailgun.http.base_url).rstrip("/")
    while items := (page := mailgun.get(target))["items"]:
        seen += [i["address"] for i in items]
        target = page["paging"]["next"].removeprefix(base)
    assert seen == people
    assert [i["address"] for i in mailgun.get(f"/v3/{DOMAIN}/{which}?term=user-3")["items"]] == [people[2]]
    assert mailgun.get(f"/v3/{DOMAIN}/{which}/{people[0]}")["address"] == people[0]
    assert fate(world, mailgun, people[0]) == "suppressed"
    assert mailgun.ask("DELETE", f"/v3/{DOMAIN}/{which}/{people[0]}").status_code == 200
    assert mailgun.ask("DELETE", f"/v3/{DOMAIN}/{which}/{people[0]}").status_code == 404
    assert mailgun.ask("GET", f"/v3/{DOMAIN}/{which}/{people[0]}").status_code == 404
    assert fate(world, mailgun, people[0]) == "delivered"
    assert mailgun.ask("DELETE", f"/v3/{DOMAIN}/{which}").status_code == 200
    assert mailgun.get(f"/v3/{DOMAIN}/{which}")["items"] == []
    assert mailgun.http.post(f"/v3/{DOMAIN}/{which}", json=[{}]).status_code == 400


def test_sendgrids_lists_keep_mail_back_until_cleared(world: World, sendgrid: Client) -> None:
    for path in ("bounces", "blocks"):
        sendgrid.ask("DELETE", f"/v3/suppression/{path}", json={"delete_all": True})
    person = "nosuch-body@yahoo.test"
    assert fate(world, sendgrid, person) == "returned"
    assert [e["email"] for e in sendgrid.get("/v3/suppression/bounces")] == [person]
    assert sendgrid.get(f"/v3/suppression/bounces/{person}")[0]["status"] == "5.1.1"
    assert sendgrid.get("/v3/suppression/bounces?offset=1") == []
    assert fate(world, sendgrid, person) == "suppressed"
    assert sendgrid.ask("DELETE", f"/v3/suppression/bounces/{person}").status_code == 204
    assert sendgrid.ask("DELETE", f"/v3/suppression/bounces/{person}").status_code == 404
    world.fault("sendgrid", "bounce_later")
    assert fate(world, sendgrid, "user-2@yahoo.test") == "returned"
    world.heal()
    assert [e["email"] for e in sendgrid.get("/v3/suppression/blocks")] == ["user-2@yahoo.test"]
    assert fate(world, sendgrid, "user-2@yahoo.test") == "delivered", "a block keeps nothing back"
    assert sendgrid.ask("DELETE", "/v3/suppression/blocks", json={"delete_all": True}).status_code == 204
    asked = {"recipient_emails": ["user-3@yahoo.test"]}
    assert sendgrid.ask("POST", "/v3/asm/suppressions/global", json=asked).json() == asked
    assert sendgrid.get("/v3/asm/suppressions/global/user-3@yahoo.test") == {"recipient_email": "user-3@yahoo.test"}
    assert [e["email"] for e in sendgrid.get("/v3/suppression/unsubscribes")] == ["user-3@yahoo.test"]
    assert fate(world, sendgrid, "user-3@yahoo.test") == "suppressed"
    assert sendgrid.ask("DELETE", "/v3/asm/suppressions/global/user-3@yahoo.test").status_code == 204
    for path in ("invalid_emails", "spam_reports", "blocks"):
        assert sendgrid.get(f"/v3/suppression/{path}") == []
    assert sendgrid.http.request("DELETE", "/v3/suppression/blocks", json={}).status_code == 400


def test_a_suppressed_seed_stands_on_the_list_and_can_be_taken_from_it(
    world: World, mailgun: Client, sendgrid: Client
) -> None:
    world.fault("gmail-1", "seed_suppressed")
    assert mailgun.get(f"/v3/{DOMAIN}/bounces/{SEED}")["code"] == "550"
    assert [e["email"] for e in sendgrid.get(f"/v3/suppression/bounces/{SEED}")] == [SEED]
    assert fate(world, sendgrid, SEED) == "suppressed"
    assert mailgun.ask("DELETE", f"/v3/{DOMAIN}/bounces/{SEED}").status_code == 200
    assert fate(world, mailgun, SEED) == "delivered"
    world.heal()
    assert sendgrid.get(f"/v3/suppression/bounces/{SEED}") == []
