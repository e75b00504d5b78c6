"""Both providers' events and statistics tell what really happened, in their own words and shapes."""

from collections.abc import Iterator

import pytest

from deploy.sandbox.world import World
from tests.sandbox.clients import eventually
from tests.sandbox.http_clients import DOMAIN, SEED, Client


def kinds(mailgun: Client, message_id: str) -> list[tuple]:
    """Return (event, severity, reason, code) of one message, oldest first."""
    path = f"/v3/{DOMAIN}/events?begin=0&ascending=yes&message-id={message_id}"
    return [
        (i["event"], i.get("severity"), i.get("reason"), i.get("delivery-status", {}).get("code"))
        for i in mailgun.get(path)["items"]
    ]


def sent(mailgun: Client, recipient: str = SEED, **changes: object) -> str:
    return mailgun.send(recipient, **changes).json()["id"].strip("<>")


ACCEPTED = ("accepted", None, None, None)
DELIVERED = ("delivered", None, None, 250)
BLOCKED = ("failed", "permanent", "bounce", 550)
GREYLISTED = ("failed", "temporary", "greylisted", 451)
SUPPRESSED = ("failed", "permanent", "suppress-bounce", 605)


def test_mailgun_tells_of_delivery_bounce_deferral_and_suppression(world: World, mailgun: Client) -> None:
    delivered = sent(mailgun)
    eventually(lambda: kinds(mailgun, delivered) == [ACCEPTED, DELIVERED])
    world.fault("mailgun", "bounce_later")
    bounced = sent(mailgun)
    eventually(lambda: kinds(mailgun, bounced) == [ACCEPTED, BLOCKED])
    world.heal()
    world.fault("gmail-1", "seed_slow", 0.2)
    late = sent(mailgun)
    eventually(lambda: kinds(mailgun, late) == [ACCEPTED, GREYLISTED, DELIVERED])
    world.heal()
    world.fault("gmail-1", "seed_suppressed", "mailgun")
    suppressed = sent(mailgun)
    eventually(lambda: kinds(mailgun, suppressed) == [ACCEPTED, SUPPRESSED])


def test_mailguns_pages_go_on_to_an_empty_one_and_miss_nothing(mailgun: Client) -> None:
    tag = "paged"
    wanted = {sent(mailgun, **{"o:tag": tag}) for _ in range(5)}
    base = str(mailgun.http.base_url).rstrip("/")
    target = f"/v3/{DOMAIN}/events?begin=0&ascending=yes&limit=2&tags={tag}&event=accepted"
    pages = []
    while not pages or pages[-1]:
        page = mailgun.get(target)
        pages.append([i["message"]["headers"]["message-id"] for i in page["items"]])
        target = page["paging"]["next"].removeprefix(base)
    assert [len(p) for p in pages] == [2, 2, 1, 0]
    assert {m for p in pages for m in p} == wanted
    later = sent(mailgun, **{"o:tag": tag})
    assert [i["message"]["headers"]["message-id"] for i in mailgun.get(target)["items"]] == [later]


def test_late_events_appear_out_of_order_and_all_in_the_end(world: World, mailgun: Client) -> None:
    world.fault("mailgun", "events_late", 0.6)
    ids = [sent(mailgun, **{"o:tag": "late"}) for _ in range(8)]
    path = f"/v3/{DOMAIN}/events?begin=0&ascending=yes&tags=late&event=accepted"
    orders: list[list[str]] = []

    def all_there() -> bool:
        seen = [i["message"]["headers"]["message-id"] for i in mailgun.get(path)["items"]]
        orders.append(seen)
        return len(seen) == len(ids)

    eventually(all_there)
    assert orders[-1] == ids
    assert any(seen != ids[: len(seen)] for seen in orders)


def test_mailguns_logs_filter_and_page_by_token(mailgun: Client) -> None:
    ids = {sent(mailgun, **{"o:tag": "logged"}) for _ in range(3)}
    tagged = {"AND": [{"attribute": "tag", "comparator": "=", "values": [{"label": "logged", "value": "logged"}]}]}
    ask = {"events": ["accepted"], "filter": tagged, "pagination": {"sort": "timestamp:asc", "limit": 2}}
    first = mailgun.ask("POST", "/v1/analytics/logs", json=ask).json()
    ask["pagination"]["token"] = first["pagination"]["next"]
    second = mailgun.ask("POST", "/v1/analytics/logs", json=ask).json()
    items = first["items"] + second["items"]
    assert ([len(first["items"]), len(second["items"])], first["pagination"]["total"]) == ([2, 1], 3)
    assert {i["message"]["headers"]["message-id"] for i in items} == ids
    assert mailgun.ask("POST", "/v1/analytics/logs", json={"filter": {"AND": [{"attribute": "?"}]}}).status_code == 400


def test_asking_for_events_in_no_order_is_refused(mailgun: Client) -> None:
    assert mailgun.http.get(f"/v3/{DOMAIN}/events?begin=0").status_code == 400
    assert mailgun.http.get(f"/v3/{DOMAIN}/events?begin=soon&ascending=yes").status_code == 400


def logged(sendgrid: Client, queue_id: str) -> dict:
    return sendgrid.get(f"/v3/logs/{queue_id}.recvd-7d9c5b6f4-0")


@pytest.fixture
def bounced_user(sendgrid: Client) -> Iterator[str]:
    yield "nosuch-user@yahoo.test"
    sendgrid.ask("DELETE", "/v3/suppression/bounces", json={"emails": ["nosuch-user@yahoo.test"]})


def test_sendgrid_tells_of_delivery_block_deferral_bounce_and_drop(
    world: World, sendgrid: Client, bounced_user: str
) -> None:
    def outcome(fault: tuple = (), recipient: str = SEED) -> tuple[str, list[str]]:
        if fault:
            world.fault(*fault)
        queue_id = sendgrid.send(recipient).headers["x-message-id"]
        world.heal()
        seen = eventually(lambda: len((one := logged(sendgrid, queue_id))["events"]) > 1 + (len(fault) > 2) and one)
        return seen["status"], [e["event"] for e in seen["events"]]

    assert outcome() == ("delivered", ["processed", "delivered"])
    assert outcome(("sendgrid", "bounce_later")) == ("blocked", ["processed", "bounce"])
    assert outcome(("gmail-1", "seed_slow", 0.2)) == ("delivered", ["processed", "deferred", "delivered"])
    assert outcome(recipient=bounced_user) == ("bounced", ["processed", "bounce"])
    assert outcome(recipient=bounced_user) == ("dropped", ["processed", "dropped"])


def test_sendgrids_queries_select(sendgrid: Client) -> None:
    def found(query: str) -> list[str]:
        answer = sendgrid.ask("POST", "/v3/logs", json={"query": query, "limit": 1000})
        assert answer.status_code == 200, answer.text
        return [m["sg_message_id"].partition(".")[0] for m in answer.json()["messages"]]

    queue_id = sendgrid.send(subject="looked for").headers["x-message-id"]
    eventually(lambda: found("subject = 'looked for' AND status IN ('delivered', 'deferred')") == [queue_id])
    assert queue_id in found('sg_message_id_created_at >= TIMESTAMP "2026-01-01T00:00:00Z"')
    assert found('sg_message_id_created_at < TIMESTAMP "2001-01-01T00:00:00Z"') == []
    assert sendgrid.ask("POST", "/v3/logs", json={"query": "status LIKE 'x'"}).status_code == 400
    assert sendgrid.ask("POST", "/v3/logs", json={"limit": 5000}).status_code == 400
    activity = sendgrid.get("/v3/messages?query=subject%3D%22looked%20for%22&limit=10")["messages"]
    assert [m["status"] for m in activity] == ["delivered"]


def test_statistics_count_what_happened(world: World, mailgun: Client, sendgrid: Client) -> None:
    def mailgun_counts() -> tuple[int, int, int]:
        names = ["accepted_count", "delivered_count", "failed_count", "delivered_rate"]
        answer = mailgun.ask("POST", "/v1/analytics/metrics", json={"metrics": names, "duration": "1d"}).json()
        metrics = answer["items"][0]["metrics"] if answer["items"] else dict.fromkeys(names, 0)
        totals = mailgun.get(f"/v3/{DOMAIN}/stats/total?event=accepted&event=delivered&event=failed&duration=2d")
        assert sum(s["accepted"]["total"] for s in totals["stats"]) == metrics["accepted_count"]
        assert sum(s["delivered"]["total"] for s in totals["stats"]) == metrics["delivered_count"]
        return metrics["accepted_count"], metrics["delivered_count"], metrics["failed_count"]

    def sendgrid_counts(path: str = "/v3/stats?") -> tuple[int, int, int]:
        days = sendgrid.get(f"{path}start_date={world_day()}")
        metrics = [s["metrics"] for day in days for s in day["stats"]]
        return tuple(sum(m[name] for m in metrics) for name in ("requests", "delivered", "blocks"))

    before, before_there = mailgun_counts(), sendgrid_counts()
    mailgun.send()
    sendgrid.send(categories=["counted"])
    for provider in ("mailgun", "sendgrid"):
        world.fault(provider, "bounce_later")
    mailgun.send()
    sendgrid.send()
    more = lambda counts: tuple(c + d for c, d in zip(counts, (2, 1, 1), strict=True))  # noqa: E731
    eventually(lambda: mailgun_counts() == more(before))
    eventually(lambda: sendgrid_counts() == more(before_there))
    assert sendgrid_counts("/v3/categories/stats?categories=counted&") == (1, 1, 0)
    assert sendgrid_counts("/v3/mailbox_providers/stats?mailbox_providers=Gmail&")[1] >= 1
    assert sendgrid.http.get("/v3/stats").status_code == 400
    assert mailgun.http.get(f"/v3/{DOMAIN}/stats/total").status_code == 400


def world_day() -> str:
    import datetime

    return (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)).strftime("%Y-%m-%d")
