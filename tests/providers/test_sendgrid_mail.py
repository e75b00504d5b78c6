"""A message as SendGrid's API takes it: what it says, that it says what the message says, and what it cannot say."""

import json
import re
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sendgrid.helpers import mail as official

from probes.message import build_probe
from providers.base import Message
from providers.errors import ForbiddenError
from providers.failure import Category
from providers.sendgrid_mail import mail_send
from providers.sendgrid_smtpapi import NO_TRACKING, smtpapi_header, with_smtpapi
from tests.providers.sendgrid_world import NOW, validate

TOKEN = "abcdefghijklmnop-qrstuvwxyz234567"
PROBE = build_probe(sender="probe@example.org", recipient="seed@example.net", token=TOKEN, round_id="r", now=NOW)
BODY_POINTER = "/components/requestBodies/PostMailSend/content/application~1json/schema"
HEAD = "From: Ann <a@example.org>\nTo: b@example.net\nSubject: hello\nMIME-Version: 1.0\n"


def message(text, recipient="b@example.net", **more):
    content = text.replace("\n", "\r\n").encode("utf-8", "surrogateescape")
    return Message(sender="a@example.org", recipient=recipient, content=content, **more)


def sent(text, **more):
    body = mail_send(message(text, **more), sandbox=False)
    validate(body, BODY_POINTER)
    return body


def test_a_probe_is_said_whole():
    body = mail_send(PROBE, sandbox=False)
    validate(body, BODY_POINTER)
    parsed = message_from_bytes(PROBE.content, policy=policy.SMTP)
    (personalization,) = body["personalizations"]
    assert personalization["to"] == [{"email": "seed@example.net"}]
    assert personalization["custom_args"] == {"relaypilot_probe": TOKEN}
    assert personalization["headers"] == {
        "Date": parsed["Date"],
        "Message-ID": f"<{TOKEN}@example.org>",
        "X-Relaypilot-Probe": TOKEN,
        "Auto-Submitted": "auto-generated",
    }
    assert (body["from"], body["subject"]) == ({"email": "probe@example.org"}, parsed["Subject"])
    assert body["content"] == [{"type": "text/plain", "value": parsed.get_content().replace("\r\n", "\n")}]
    assert TOKEN in body["content"][0]["value"]
    assert "mail_settings" not in body


def test_tracking_is_off_and_sandbox_mode_is_asked_for_when_wanted():
    body = mail_send(PROBE, sandbox=True)
    validate(body, BODY_POINTER)
    assert {name: part["enable"] for name, part in body["tracking_settings"].items()} == {
        "click_tracking": False,
        "open_tracking": False,
        "subscription_tracking": False,
        "ganalytics": False,
    }
    assert body["tracking_settings"]["click_tracking"]["enable_text"] is False
    assert body["mail_settings"] == {"sandbox_mode": {"enable": True}}


def test_live_like_mail_has_no_custom_arguments():
    assert "custom_args" not in sent(HEAD + "\nhi\n")["personalizations"][0]


def test_the_official_library_says_the_same():
    whole = official.Mail(
        from_email=official.Email("probe@example.org"),
        subject=mail_send(PROBE, sandbox=True)["subject"],
        plain_text_content=mail_send(PROBE, sandbox=True)["content"][0]["value"],
    )
    person = official.Personalization()
    person.add_to(official.Email("seed@example.net"))
    person.add_custom_arg(official.CustomArg("relaypilot_probe", TOKEN))
    for name, value in mail_send(PROBE, sandbox=True)["personalizations"][0]["headers"].items():
        person.add_header(official.Header(name, value))
    whole.add_personalization(person)
    whole.tracking_settings = official.TrackingSettings(
        official.ClickTracking(False, False),
        official.OpenTracking(False),
        official.SubscriptionTracking(False),
        official.Ganalytics(False),
    )
    whole.mail_settings = official.MailSettings(sandbox_mode=official.SandBoxMode(True))
    assert mail_send(PROBE, sandbox=True) == whole.get()


def test_names_words_beyond_ascii_and_reply_to_are_kept():
    body = sent(
        "From: =?utf-8?q?J=C3=BCrgen?= <a@example.org>\nTo: =?utf-8?b?QsOpYQ==?= <b@example.net>\n"
        "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= und\n mehr\nReply-To: c@example.org\nX-Note: =?utf-8?q?=C3=A4?=\n"
        "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe\n"
    )
    assert body["from"] == {"email": "a@example.org", "name": "Jürgen"}
    assert body["personalizations"][0]["to"] == [{"email": "b@example.net", "name": "Béa"}]
    assert body["subject"] == "Grüße und mehr"
    assert body["reply_to"] == {"email": "c@example.org"}
    assert body["personalizations"][0]["headers"] == {"X-Note": "ä"}
    assert body["content"] == [{"type": "text/plain", "value": "Grüße\n"}]


def test_several_reply_addresses_are_a_list():
    assert sent("Reply-To: c@example.org, d@example.org\n" + HEAD + "\nhi\n")["reply_to_list"] == [
        {"email": "c@example.org"},
        {"email": "d@example.org"},
    ]


def test_text_stands_before_html_and_attachments_are_whole():
    body = sent(
        HEAD
        + 'Content-Type: multipart/mixed; boundary="o"\n\n--o\nContent-Type: multipart/alternative; boundary="i"\n\n'
        "--i\nContent-Type: text/html\n\n<p>hi</p>\n--i\nContent-Type: text/plain\n\nhi\n--i--\n"
        '--o\nContent-Type: application/pdf\nContent-Disposition: attachment; filename="a.pdf"\n'
        "Content-Transfer-Encoding: base64\n\nAAEC\n--o--\n"
    )
    assert body["content"] == [{"type": "text/plain", "value": "hi"}, {"type": "text/html", "value": "<p>hi</p>"}]
    assert body["attachments"] == [
        {"content": "AAEC", "type": "application/pdf", "filename": "a.pdf", "disposition": "attachment"}
    ]


def test_a_signature_that_writing_anew_would_break_is_left_out():
    body = sent("DKIM-Signature: v=1; a=rsa-sha256\nReceived: from x\nReturn-Path: <a@b>\n" + HEAD + "\nhi\n")
    assert "headers" not in body["personalizations"][0]


MIXED = HEAD + 'Content-Type: multipart/mixed; boundary="o"\n\n--o\nContent-Type: text/plain\n\nhi\n--o\n{}\n--o--\n'
UNCARRIED = {
    "two-recipients": HEAD.replace("b@example.net", "b@example.net, c@example.net") + "\nhi\n",
    "other-recipient": HEAD.replace("b@example.net", "c@example.net") + "\nhi\n",
    "no-recipient": HEAD.replace("To:", "X-To:") + "\nhi\n",
    "two-from": "From: z@example.org\n" + HEAD + "\nhi\n",
    "two-authors": HEAD.replace("Ann <a@example.org>", "a@example.org, c@example.org") + "\nhi\n",
    "no-from": HEAD.replace("From:", "X-From:") + "\nhi\n",
    "no-subject": HEAD.replace("Subject:", "X-Subject:") + "\nhi\n",
    "no-domain": HEAD.replace("Ann <a@example.org>", "a") + "\nhi\n",
    "copy": "Cc: c@example.org\n" + HEAD + "\nhi\n",
    "reserved": "X-SG-EID: abc\n" + HEAD + "\nhi\n",
    "field-twice": "X-A: 1\nx-a: 2\n" + HEAD + "\nhi\n",
    "empty": HEAD + "\n\n",
    "flowed": HEAD + "Content-Type: text/plain; format=flowed\n\nhi\n",
    "unknown-charset": HEAD + "Content-Type: text/plain; charset=martian\n\nhi\n",
    "wrong-charset": HEAD + "Content-Type: text/plain; charset=us-ascii\n\ngrüße\n",
    "wrong-encoding": HEAD + "Content-Transfer-Encoding: base64\n\n!!!!\n",
    "calendar": HEAD + "Content-Type: text/calendar\n\nBEGIN:VCALENDAR\n",
    "signed": HEAD + 'Content-Type: multipart/signed; boundary="o"\n\n--o\n\nhi\n--o--\n',
    "no-boundary": HEAD + "Content-Type: multipart/mixed\n\nhi\n",
    "two-texts": HEAD + 'Content-Type: multipart/alternative; boundary="o"\n\n--o\n\nhi\n--o\n\nho\n--o--\n',
    "nameless-attachment": MIXED.format("Content-Type: application/pdf\n\nabc"),
    "attached-message": MIXED.format("Content-Type: message/rfc822\n\nSubject: x\n\nhi"),
    "smtpapi": "X-SMTPAPI: {}\n" + HEAD + "\nhi\n",
}


@pytest.mark.parametrize("name", UNCARRIED)
def test_what_the_api_cannot_say_is_refused_as_content(name):
    with pytest.raises(ForbiddenError, match=r"cannot carry this message: .*; send it by SMTP") as raised:
        sent(UNCARRIED[name])
    assert (raised.value.failure.category, raised.value.failure.temporary) == (Category.CONTENT, False)
    assert raised.value.failure.rule == "sendgrid-message-not-carried"


FIELDS = st.sampled_from(
    ["From", "To", "Subject", "Reply-To", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Date"]
)
VALUES = st.text(alphabet='a@b.c<>,;:"=?()[]/\\ \téütf-8?q?=00 multipart/mixed;boundary=', max_size=40)


@given(st.lists(st.tuples(FIELDS, VALUES), max_size=6), st.binary(max_size=60))
def test_any_message_is_said_or_refused(fields, body):
    head = "".join(f"{name}: {value}\r\n" for name, value in fields).encode("utf-8", "replace")
    for content in (head + b"\r\n" + body, HEAD.replace("\n", "\r\n").encode() + head + b"\r\n" + body):
        try:
            found = mail_send(
                Message(sender="a@example.org", recipient="b@example.net", content=content), sandbox=False
            )
        except ForbiddenError:
            continue
        json.dumps(found)


def unfolded(header):
    name, _, value = header.decode("ascii").partition(": ")
    assert name == "X-SMTPAPI"
    return json.loads(value.replace("\r\n", ""))


def test_the_smtp_header_field_says_what_it_was_given():
    header = smtpapi_header(unique_args={"relaypilot_probe": TOKEN}, category=("ä",), filters=NO_TRACKING, ip_pool="p")
    told = unfolded(header)
    assert told["unique_args"] == {"relaypilot_probe": TOKEN}
    assert (told["category"], told["ip_pool"]) == (["ä"], "p")
    assert told["filters"]["clicktrack"] == {"settings": {"enable": 0}}
    assert told["filters"]["opentrack"] == {"settings": {"enable": 0}}
    assert header.endswith(b"\r\n")


@given(
    st.dictionaries(st.text(max_size=20), st.text(max_size=150), max_size=20),
    st.lists(st.text(alphabet="a \x7f\r\n\tä😀", max_size=2000), max_size=3),
)
def test_any_values_fold_and_unfold_to_themselves(arguments, categories):
    try:
        header = smtpapi_header(unique_args=arguments, category=categories)
    except ValueError as error:
        assert "a word of" in str(error)
        return
    lines = header.removesuffix(b"\r\n").split(b"\r\n")
    assert all(len(line) < 1000 and line.strip() for line in lines)
    assert all(line.startswith(b" ") for line in lines[1:])
    assert re.fullmatch(rb"[\x20-\x7e\r\n]+", header)
    told = unfolded(header)
    assert told.get("unique_args", {}) == arguments
    assert told.get("category", []) == categories


def test_a_message_gets_one_such_field_only():
    header = smtpapi_header(unique_args={"a": "b"})
    once = with_smtpapi(PROBE.content, header)
    assert once == header + PROBE.content
    assert with_smtpapi(once, header) == once
