"""A message sent by HTTP is answered in the official shape and takes the same way as one sent by SMTP."""

import base64

import pytest

from deploy.sandbox.maildir import list_messages
from deploy.sandbox.world import World
from tests.sandbox.clients import eventually, session, submit
from tests.sandbox.http_clients import DOMAIN, SEED, Client, form

MIME = (
    b"From: probe@example.test\r\nTo: seed-1@gmail.test\r\nSubject: ready made\r\nX-Sandbox-Id: 00ff\r\n\r\n"
    b"One line.\r\n.and a dot\r\n"
)


@pytest.fixture(params=["mailgun", "sendgrid"])
def client(request: pytest.FixtureRequest) -> Client:
    return request.getfixturevalue(request.param)


def arrived(world: World, subject: str) -> bytes:
    """Return the one message with this subject in any mailbox."""
    wanted = f"\nSubject: {subject}\r\n".encode()
    return eventually(lambda: [t for c in list_messages(world.layout.mail) if wanted in (t := c.path.read_bytes())])[0]


def last(world: World, relay: str) -> dict:
    return eventually(lambda: (r := world.accepted(relay)[-1])["fate"] != "underway" and r)


def test_a_message_arrives_in_the_inbox_and_is_recorded_as_accepted(world: World, client: Client) -> None:
    subject = f"by {client.provider}'s API"
    answer = client.send(subject=subject)
    assert answer.status_code == {"mailgun": 200, "sendgrid": 202}[client.provider]
    text = arrived(world, subject)
    record = last(world, client.provider)
    assert (record["fate"], record["recipient"]) == ("delivered", SEED)
    assert f"with ESMTPSA id {record['id']}".encode() in text
    if client.provider == "sendgrid":
        assert (answer.headers["x-message-id"], answer.content) == (record["id"], b"")
    else:
        assert answer.json()["id"].encode() in text


def test_a_ready_mime_message_arrives_as_it_is_with_a_message_id(world: World, mailgun: Client) -> None:
    answer = mailgun.ask(
        "POST",
        f"/v3/{DOMAIN}/messages.mime",
        files=[("to", (None, SEED)), ("message", ("message.eml", MIME, "message/rfc822"))],
    )
    assert answer.json()["message"].startswith("Queued")
    text = arrived(world, "ready made")
    assert text.endswith(b"\r\n\r\nOne line.\r\n.and a dot\r\n")
    assert f"Message-ID: {answer.json()['id']}".encode() in text
    assert last(world, "mailgun")["sandbox_id"] == "00ff"


def test_test_mode_and_sandbox_mode_deliver_nothing(world: World, mailgun: Client, sendgrid: Client) -> None:
    before = len(world.accepted("sendgrid"))
    assert sendgrid.send(mail_settings={"sandbox_mode": {"enable": True}}).status_code == 200
    assert len(world.accepted("sendgrid")) == before
    assert mailgun.send(**{"o:testmode": "yes"}).status_code == 200
    assert last(world, "mailgun")["fate"] == "test"
    with session(world, "mailgun") as smtp:
        assert submit(smtp, SEED, headers="X-Mailgun-Drop-Message: yes\r\n")[0] == 250
    assert last(world, "mailgun")["fate"] == "test"


def test_labels_of_smtp_headers_show_in_events_and_not_in_the_mail(world: World, mailgun: Client) -> None:
    with session(world, "mailgun") as smtp:
        submit(
            smtp, SEED, headers='Message-ID: <labels@x>\r\nX-Mailgun-Tag: a\r\nX-Mailgun-Variables: {"n":\r\n "1"}\r\n'
        )
    with session(world, "sendgrid") as smtp:
        submit(smtp, SEED, headers='Subject2: labels\r\nX-SMTPAPI: {"unique_args": {"n": "1"}, "category": "a"}\r\n')
    items = eventually(lambda: mailgun.get(f"/v3/{DOMAIN}/events?message-id=labels@x")["items"])
    assert [(i["tags"], i["user-variables"]) for i in items[:1]] == [(["a"], {"n": "1"})]
    for copy in list(list_messages(world.layout.mail)):
        assert b"X-Mailgun" not in copy.path.read_bytes()
        assert b"X-SMTPAPI" not in copy.path.read_bytes()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"from": None}, "from parameter is missing"),
        ({"to": None}, "to parameter is missing"),
        ({"to": "nobody"}, "to parameter is not a valid address"),
        ({"text": None}, "Need at least one of 'text'"),
        ({"v:big": "x" * 17_000}, "limited to 16KB total"),
    ],
)
def test_mailgun_says_what_is_wrong_with_a_form(mailgun: Client, changes: dict, words: str) -> None:
    answer = mailgun.send(**changes)
    assert answer.status_code == 400
    assert words in answer.json()["message"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"personalizations": None}, "personalizations"),
        ({"personalizations": [{"to": []}]}, "personalizations.0.to"),
        ({"personalizations": [{"to": [{"email": "nobody"}]}]}, "personalizations.0.to.0.email"),
        ({"personalizations": [{"to": [{"email": "a@b.test", "name": "A; B"}]}]}, "personalizations.0.to.0.name"),
        ({"from": None}, "from.email"),
        ({"subject": None}, "subject"),
        ({"content": None}, "content"),
        ({"content": [{"type": "text/plain", "value": ""}]}, "content.0.value"),
        ({"content": [{"type": t, "value": "x"} for t in ("text/html", "text/plain")]}, "content"),
        ({"mail_settings": {"sandbox_mode": {"enable": "yes"}}}, "mail_settings.sandbox_mode"),
        ({"personalizations": [{"to": [{"email": "a@b.test"}], "custom_args": {"n": 1}}]}, None),
    ],
)
def test_sendgrid_names_the_field_that_is_wrong(sendgrid: Client, changes: dict, field: str | None) -> None:
    answer = sendgrid.send(**changes)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


def test_html_copies_and_attachments_arrive(world: World, sendgrid: Client, mailgun: Client) -> None:
    sendgrid.send(
        subject="rich one",
        personalizations=[{"to": [{"email": SEED}], "cc": [{"email": "user-1@yahoo.test"}]}],
        content=[{"type": "text/plain", "value": "Hi."}, {"type": "text/html", "value": "<b>Hi.</b>"}],
        attachments=[{"content": base64.b64encode(b"data").decode(), "filename": "a.bin"}],
    )
    text = arrived(world, "rich one")
    assert b"<b>Hi.</b>" in text
    assert b'filename="a.bin"' in text
    mailgun.send(subject="rich two", html="<b>Hi.</b>", cc="user-1@yahoo.test", **{"h:X-Mine": "yes"})
    text = arrived(world, "rich two")
    assert b"X-Mine: yes" in text
    assert b"<b>Hi.</b>" in text
    assert {r["recipient"] for r in world.accepted("mailgun")[-2:]} == {SEED, "user-1@yahoo.test"}


def test_what_is_too_large_is_refused(mailgun: Client, sendgrid: Client) -> None:
    assert mailgun.send(text="x" * (26 * 2**20)).status_code == 413
    assert sendgrid.send(content=[{"type": "text/plain", "value": "x" * (31 * 2**20)}]).status_code == 413


def test_the_urlencoded_form_is_taken_too(mailgun: Client) -> None:
    fields = {"from": "probe@example.test", "to": SEED, "subject": "plain form", "text": "Hello."}
    assert mailgun.ask("POST", f"/v3/{DOMAIN}/messages", data=fields).status_code == 200


def test_a_form_without_a_form_is_refused(mailgun: Client) -> None:
    assert mailgun.ask("POST", f"/v3/{DOMAIN}/messages", content=b"nothing").status_code == 400
    assert mailgun.ask("POST", f"/v3/{DOMAIN}/messages", files=form({"to": SEED})).status_code == 400
