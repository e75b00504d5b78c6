"""Every row of the providers' reply tables: what they say, what it means."""

import socket
import ssl
from datetime import UTC, datetime

import pytest
from aiosmtplib.errors import SMTPReadTimeoutError, SMTPServerDisconnected
from hypothesis import given
from hypothesis import strategies as st

from providers.account_replies import ACCOUNT_REPLIES
from providers.classify import classify_reply, classify_transport
from providers.failure import Category, Stage
from providers.mailgun import MailgunProvider
from providers.reply import Reply, parse_reply
from providers.sendgrid import SendgridProvider
from tests.providers.wordings import CONTENT, NOT_THE_ACCOUNT, RECIPIENT, SENDER

NOW = datetime(2025, 8, 25, 7, 0, 0, tzinfo=UTC)
C, S = Category, Stage
ACCOUNT_LEVEL = {C.ACCOUNT, C.AUTH, C.QUOTA, C.CONFIG, C.SENDER}


def classified(line, stage=S.MAIL, rules=()):
    return classify_reply(parse_reply(line), stage, now=NOW, rules=rules)


MAILGUN = [
    ("421 Domain D is not allowed to send: recipient limit exceeded, try again after Mon, 25 Aug 2025 07:00:31 UTC",
     S.END_OF_DATA, C.QUOTA, True, 31),
    ("421 Domain D is not allowed to send: Please activate your Mailgun account. Check your inbox", S.MAIL, C.ACCOUNT,
     False, None),
    ("421 Domain sandbox1.mailgun.org is not allowed to send: Sandbox subdomains are for test purposes only. Please "
     "add your own domain", S.END_OF_DATA, C.CONFIG, False, None),
    ("421 Domain D is not allowed to send: Free accounts are for test purposes only.", S.RCPT, C.CONFIG, False, None),
    ("421 Domain D is not allowed to send: The domain is unverified and requires DNS configuration.", S.MAIL, C.SENDER,
     False, None),
    ("550 Domain D is not allowed to send: Account disabled", S.MAIL, C.ACCOUNT, False, None),
    ("421 account-requests-per-sec limit exceeded, try again after 120 seconds", S.MAIL, C.RATE, True, 120),
    ("535 5.7.0 Mailgun is not loving your login or password", S.AUTH, C.AUTH, False, None),
    ("550 5.7.1 Relaying denied", S.RCPT, C.AUTH, False, None),
    ("451 4.3.0 Internal error", S.END_OF_DATA, C.PROVIDER_TEMP, True, None),
]  # fmt: skip

SENDGRID = [
    ("451 Authentication failed: Maximum credits exceeded", S.AUTH, C.QUOTA, False, None),
    ("451 You've exceeded your messaging limits", S.AUTH, C.QUOTA, False, None),
    ("535 Authentication failed: Bad username / password", S.AUTH, C.AUTH, False, None),
    ("535 Authentication failed: The provided authorization grant is invalid, expired, or revoked", S.AUTH, C.AUTH,
     False, None),
    ("535 Authentication failed: account disabled", S.AUTH, C.ACCOUNT, False, None),
    ("550 Unauthenticated senders not allowed", S.MAIL, C.AUTH, False, None),
    ("550 The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved",
     S.END_OF_DATA, C.SENDER, False, None),
    ("421 try again", S.MAIL, C.RATE, True, None),
    ("450 slow", S.RCPT, C.RATE, True, None),
    ("452 too much", S.END_OF_DATA, C.RATE, True, None),
    ("552 too large", S.END_OF_DATA, C.SIZE, False, None),
    ("421 Service not available", S.BANNER, C.PROVIDER_TEMP, True, None),  # not about our sending
    ("421 Your account has been suspended", S.MAIL, C.ACCOUNT, True, None),  # words before bare codes
    ("451 Internal server error", S.END_OF_DATA, C.PROVIDER_TEMP, True, None),
]  # fmt: skip

RELAYS = [
    # Amazon SES
    ("421 Too many concurrent SMTP connections", S.BANNER, C.RATE, True),
    ("451 Temporary service failure", S.MAIL, C.PROVIDER_TEMP, True),
    ("454 Throttling failure: Maximum sending rate exceeded", S.END_OF_DATA, C.RATE, True),
    ("454 Throttling failure: Daily message quota exceeded", S.END_OF_DATA, C.QUOTA, True),
    ("530 Authentication required", S.MAIL, C.AUTH, False),
    ("530 Must issue a STARTTLS command first", S.MAIL, C.CONFIG, False),
    ("535 Authentication Credentials Invalid", S.AUTH, C.AUTH, False),
    ("554 Message rejected: Email address is not verified. The following identities failed the check in region "
     "EU-WEST-1: x@example.org", S.END_OF_DATA, C.SENDER, False),
    ("554 Message rejected: Sending paused for this account.", S.END_OF_DATA, C.ACCOUNT, False),
    # SparkPost
    ("550 5.7.1 Unconfigured Sending Domain <example.org>", S.MAIL, C.SENDER, False),
    ("550 5.7.1 Exceed Sending Limit (hourly)", S.END_OF_DATA, C.QUOTA, False),
    # Google Workspace relay
    ("450 4.2.1 Peak SMTP relay limit exceeded for customer. - gsmtp", S.RCPT, C.QUOTA, True),
    ("550 5.4.5 Daily SMTP relay limit exceeded for customer. - gsmtp", S.RCPT, C.QUOTA, False),
    ("421 4.7.28 Our system has detected an unusual rate", S.RCPT, C.RATE, True),
    ("421 4.4.5 Server busy, try again later.", S.BANNER, C.PROVIDER_TEMP, True),
    # Microsoft 365
    ("550 5.7.30 Basic authentication is not supported for Client Submission.", S.AUTH, C.AUTH, False),
    ("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.", S.AUTH, C.AUTH,
     False),
    # Brevo
    ("535 5.7.0 Invalid login or password", S.AUTH, C.AUTH, False),
    ("502 5.7.0 Your SMTP account is not yet activated.", S.MAIL, C.ACCOUNT, False),
]  # fmt: skip

ENHANCED = [
    ("535 5.7.8 no", C.AUTH), ("534 5.7.9 no", C.AUTH), ("538 5.7.11 no", C.AUTH), ("550 5.7.14 no", C.AUTH),
    ("432 4.7.12 no", C.AUTH), ("525 5.7.13 no", C.ACCOUNT),
    ("454 4.7.0 no", C.PROVIDER_TEMP),
    ("530 5.7.0 no", C.CONFIG),
    ("452 4.5.3 no", C.PROTOCOL), ("552 5.5.3 no", C.PROTOCOL),
    ("452 4.5.3 daily quota exceeded", C.QUOTA),
    ("421 4.4.5 no", C.PROVIDER_TEMP), ("452 4.3.1 no", C.PROVIDER_TEMP), ("451 4.3.2 no", C.PROVIDER_TEMP),
    ("421 4.7.28 no", C.RATE), ("550 5.7.28 no", C.RATE),
    ("450 4.2.1 relay limit exceeded", C.QUOTA), ("550 5.4.5 daily sending limit reached", C.QUOTA),
    ("550 5.7.1 out of credits", C.QUOTA), ("550 5.7.1 you exceeded the hourly limit", C.QUOTA),
    ("550 5.7.1 relaying denied", C.AUTH), ("550 5.7.1 sender domain not verified", C.SENDER),
    ("550 5.7.1 listed on a block list", C.REPUTATION), ("550 5.7.1 this is spam", C.REPUTATION),
    ("550 5.7.1 no", C.POLICY),
    *((f"550 5.7.{detail} no", C.SENDER) for detail in (20, 21, 22, 23, 24, 25, 26, 27, 29)),
    ("550 5.7.30 no", C.TLS), ("550 5.7.30 Basic authentication is not supported", C.AUTH),
    ("550 5.1.7 no", C.SENDER), ("550 5.1.8 no", C.SENDER),
    *((f"550 5.1.{detail} no", C.RECIPIENT) for detail in (1, 2, 3, 6, 10)),
    ("550 5.2.1 no", C.RECIPIENT), ("552 5.2.2 no", C.RECIPIENT), ("452 4.2.2 no", C.RECIPIENT),
    ("552 5.3.4 no", C.SIZE), ("554 5.2.3 no", C.SIZE),
    ("554 5.6.0 no", C.CONTENT), ("554 5.6.1 no", C.CONTENT),
    ("554 5.3.5 no", C.PROVIDER), ("554 5.4.1 no", C.PROVIDER), ("450 4.4.1 no", C.PROVIDER),
    *((f"{code} 5.5.{detail} no", C.PROTOCOL) for code, detail in ((500, 2), (501, 4), (502, 1), (503, 1), (555, 4))),
    ("421 no", C.PROVIDER_TEMP), ("421 too many connections", C.RATE),
]  # fmt: skip

CODES = [
    ("500 no", S.MAIL, C.PROTOCOL), ("504 no", S.AUTH, C.PROTOCOL),
    ("535 no", S.AUTH, C.AUTH), ("525 no", S.AUTH, C.ACCOUNT), ("554 no", S.AUTH, C.AUTH),
    ("454 no", S.AUTH, C.PROVIDER_TEMP), ("454 no", S.TLS, C.TLS), ("502 no", S.TLS, C.TLS),
    ("554 no", S.BANNER, C.PROVIDER), ("550 no", S.EHLO, C.PROVIDER), ("521 no", S.BANNER, C.PROVIDER),
    ("552 no", S.MAIL, C.SIZE),
    ("451 no", S.RCPT, C.PROVIDER_TEMP), ("450 no", S.RCPT, C.PROVIDER_TEMP), ("499 no", S.DATA, C.PROVIDER_TEMP),
    ("550 no", S.RCPT, C.UNKNOWN), ("554 no", S.END_OF_DATA, C.UNKNOWN), ("599 no", S.MAIL, C.UNKNOWN),
    ("250 no", S.DATA, C.PROVIDER), ("354 no", S.MAIL, C.PROVIDER),
]  # fmt: skip


@pytest.mark.parametrize(("line", "stage", "category", "temporary", "wait"), MAILGUN)
def test_mailgun_says_and_means(line, stage, category, temporary, wait):
    found = classified(line, stage, MailgunProvider.reply_rules)
    assert (found.category, found.temporary, found.retry_after_seconds) == (category, temporary, wait)


@pytest.mark.parametrize(("line", "stage", "category", "temporary", "wait"), SENDGRID)
def test_sendgrid_says_and_means(line, stage, category, temporary, wait):
    found = classified(line, stage, SendgridProvider.reply_rules)
    assert (found.category, found.temporary, found.retry_after_seconds) == (category, temporary, wait)


@pytest.mark.parametrize(("line", "stage", "category", "temporary"), RELAYS)
def test_other_relays_say_and_mean(line, stage, category, temporary):
    found = classified(line, stage)
    assert (found.category, found.temporary) == (category, temporary)


@pytest.mark.parametrize(("line", "category"), ENHANCED)
def test_enhanced_codes_mean(line, category):
    assert classified(line).category is category


@pytest.mark.parametrize(("line", "stage", "category"), CODES)
def test_bare_codes_mean_what_class_and_stage_allow(line, stage, category):
    found = classified(line, stage)
    assert (found.category, found.stage) == (category, stage)


@pytest.mark.parametrize("line", RECIPIENT)
def test_recipients_are_not_the_providers_affair(line):
    assert classified(line, S.RCPT).category is C.RECIPIENT


@pytest.mark.parametrize(
    "address", ["a@credits.example", '"maximum credits exceeded"@e.example', "quota@e.example", "a@spf.example"]
)
@pytest.mark.parametrize("rules", [(), SendgridProvider.reply_rules])
def test_words_in_an_address_are_not_the_relays(address, rules):
    failure = classified(f"451 4.3.0 <{address}>: Temporary lookup failure", S.RCPT, rules)
    assert (failure.category, failure.rule) == (C.PROVIDER_TEMP, "enhanced-4.3.0")


@pytest.mark.parametrize("line", SENDER)
def test_senders_are_recognised(line):
    assert classified(line, S.END_OF_DATA).category is C.SENDER


@pytest.mark.parametrize("line", CONTENT)
def test_content_is_not_the_accounts_affair(line):
    found = classified(line, S.END_OF_DATA).category
    assert found in {C.CONTENT, C.SIZE, C.REPUTATION, C.POLICY, C.SENDER}


@pytest.mark.parametrize(
    "rules", [(), MailgunProvider.reply_rules, SendgridProvider.reply_rules], ids=["smtp", "mailgun", "sendgrid"]
)
@pytest.mark.parametrize("reply", ACCOUNT_REPLIES, ids=lambda reply: reply.id)
def test_account_replies_are_the_accounts_affair_whoever_says_them(reply, rules):
    found = classified(reply.example, S.MAIL, rules)
    assert found.category is reply.category
    assert found.category in ACCOUNT_LEVEL


@pytest.mark.parametrize(
    ("error", "category", "rule"),
    [
        (socket.gaierror(-2, "Name or service not known"), C.NETWORK, "dns"),
        (ConnectionRefusedError(111, "refused"), C.NETWORK, "connection-refused"),
        (TimeoutError(), C.NETWORK, "time-out"),
        (SMTPReadTimeoutError("slow"), C.NETWORK, "time-out"),
        (ConnectionResetError(104, "reset"), C.NETWORK, "connection-lost"),
        (SMTPServerDisconnected("gone"), C.NETWORK, "connection-lost"),
        (OSError(113, "No route to host"), C.NETWORK, "network"),
        (ssl.SSLError(1, "wrong version number"), C.TLS, "tls-handshake"),
        (ssl.SSLCertVerificationError(1, "self-signed"), C.TLS, "certificate-untrusted"),
        (ValueError("never seen"), C.UNKNOWN, "unexpected-error"),
    ],
)
def test_transport_errors_mean(error, category, rule):
    found = classify_transport(error, S.CONNECT)
    assert (found.category, found.rule, found.stage) == (category, rule, S.CONNECT)


@pytest.mark.parametrize("line", NOT_THE_ACCOUNT)
def test_every_verdict_names_its_rule(line):
    assert classified(line).rule


REPLIES = st.builds(
    Reply,
    code=st.integers(min_value=200, max_value=599),
    enhanced=st.none() | st.from_regex(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}", fullmatch=True),
    text=st.text() | st.sampled_from([parse_reply(line).text for line in NOT_THE_ACCOUNT]),
)


@given(
    REPLIES, st.sampled_from(Stage), st.sampled_from([(), MailgunProvider.reply_rules, SendgridProvider.reply_rules])
)
def test_any_reply_at_any_stage_is_classified(reply, stage, rules):
    found = classify_reply(reply, stage, now=NOW, rules=rules)
    assert found.stage is stage
    assert found.rule


@given(st.integers(min_value=400, max_value=599), st.from_regex(r"[xyzwq ]{0,40}", fullmatch=True))
def test_words_nobody_knows_never_make_a_certain_category_after_login(code, text):
    certain_codes = {432, 500, 501, 502, 503, 504, 521, 523, 525, 530, 534, 535, 538, 552, 555}
    found = classify_reply(Reply(code=code, text=text), Stage.END_OF_DATA, now=NOW)
    if code not in certain_codes:
        assert found.category is (C.PROVIDER_TEMP if code < 500 else C.UNKNOWN)
