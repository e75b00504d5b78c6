"""The SMTP channel against a second real server, the package smtp-server of Node.js: TLS, logins, extensions."""

import base64
import json
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from providers.base import Message, SubmissionStatus
from providers.failure import Category, Stage
from providers.smtp_channel import SmtpChannel
from providers.smtp_reuse import Reuse
from tests.node.peers import MODULES, NODE
from tests.providers.conftest import MESSAGE, NAME
from tests.providers.token_server import TokenServer

pytestmark = pytest.mark.anyio
LOGIN = {"username": "postmaster@mg.example.org", "password": "correct horse", "token": "ya29.first-token"}
DRIVER = Path(__file__).parent / "peer" / "relay.cjs"


class Peer:
    """One running server."""

    def __init__(self, log):
        self.log = log
        self.read = 0

    @property
    def port(self):
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if (line := self.log.read_text().partition("\n")[0]).startswith('{"port"'):
                return json.loads(line)["port"]
            time.sleep(0.01)
        raise AssertionError(self.log.read_text())

    def events(self):
        """Return what has happened since this was last asked."""
        lines = self.log.read_text().splitlines()
        lines, self.read = lines[max(1, self.read) :], len(lines)
        return [json.loads(line) for line in lines]


@contextmanager
def running(directory, **options):
    log = directory / "peer.log"
    with log.open("w") as output:
        command = [NODE, DRIVER, MODULES, json.dumps({**LOGIN, **options})]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield Peer(log)
    finally:
        process.stdin.close()
        process.wait(10)


def pems(certificate):
    chain = "".join(blob.bytes().decode() for blob in certificate.cert_chain_pems)
    return {"key": certificate.private_key_pem.bytes().decode(), "cert": chain}


@pytest.fixture(scope="module")
def peer(world, tmp_path_factory):
    options = {
        "authMethods": ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"],
        "size": 100_000,
        **pems(world.authority.issue_cert(NAME)),
    }
    with running(tmp_path_factory.mktemp("peer"), **options) as peer:
        yield peer


@pytest.mark.parametrize("method", [None, "plain", "login", "cram-md5"])
async def test_it_takes_each_login_under_tls_and_the_message_as_it_is(world, peer, method):
    provider = world.provider("smtp", peer.port, auth=method)
    peer.events()
    found = await provider.submit(MESSAGE)
    assert (found.status, found.provider_message_id) == (SubmissionStatus.ACCEPTED, "peer-1")
    login, mail, rcpt, data = peer.events()
    assert (login["method"], login["good"], login["secure"]) == ((method or "plain").upper(), True, True)
    assert (mail["address"], rcpt["address"]) == (MESSAGE.sender, MESSAGE.recipient)
    assert mail["args"]["SIZE"] == str(len(MESSAGE.content))
    assert base64.b64decode(data["message"]) == MESSAGE.content
    assert "SIZE 100000" in found.ehlo
    assert not [word for word in found.ehlo if word == "STARTTLS"]


@pytest.mark.parametrize("method", ["plain", "login", "cram-md5"])
async def test_a_wrong_password_is_one_refusal(world, peer, method):
    peer.events()
    found = await world.provider("smtp", peer.port, auth=method, password="wrong").submit(MESSAGE)
    assert (found.status, found.failure.category, found.reply_code) == (
        SubmissionStatus.REJECTED,
        Category.AUTH,
        535,
    )
    assert [event["good"] for event in peer.events()] == [False]


def oauth(world, peer, tokens):
    return world.provider(
        "smtp",
        peer.port,
        auth="xoauth2",
        password=None,
        oauth_token_url=tokens.url,
        oauth_client_id="client",
        oauth_client_secret="hush-client",
        oauth_refresh_token="hush-refresh",
    )


async def test_a_token_logs_in_and_is_asked_for_once(world, peer):
    async with TokenServer().running() as tokens:
        provider = oauth(world, peer, tokens)
        peer.events()
        found = [await provider.submit(MESSAGE) for _ in range(3)]
    assert [one.status for one in found] == [SubmissionStatus.ACCEPTED] * 3
    assert [event["method"] for event in peer.events() if event["event"] == "auth"] == ["XOAUTH2"] * 3
    assert tokens.forms == [
        {
            "grant_type": "refresh_token",
            "refresh_token": "hush-refresh",
            "client_id": "client",
            "client_secret": "hush-client",
        }
    ]


async def test_a_token_that_the_relay_refuses_is_asked_for_anew_at_the_next_login(world, peer):
    async with TokenServer(token="ya29.void").running() as tokens:
        provider = oauth(world, peer, tokens)
        refused = await provider.submit(MESSAGE)
        tokens.token = LOGIN["token"]
        taken = await provider.submit(MESSAGE)
    assert (refused.failure.category, refused.failure.stage) == (Category.AUTH, Stage.AUTH)
    assert taken.status is SubmissionStatus.ACCEPTED
    assert len(tokens.forms) == 2
    shown = repr(refused)
    blob = base64.b64encode(b"user=postmaster@mg.example.org\1auth=Bearer ya29.void\1\1").decode()
    assert not [secret for secret in ("ya29.void", blob, "hush") if secret in shown]


@pytest.mark.parametrize(
    ("sender", "stage", "status"),
    [
        ("mail.550@example.org", Stage.MAIL, SubmissionStatus.REJECTED),
        ("rcpt.452@example.org", Stage.RCPT, SubmissionStatus.DEFERRED),
        ("data.451@example.org", Stage.END_OF_DATA, SubmissionStatus.DEFERRED),
    ],
)
async def test_it_refuses_at_a_stage_though_commands_come_together(world, peer, sender, stage, status):
    provider = world.provider("smtp", peer.port)
    message = Message(sender=sender, recipient="seed@example.net", content=MESSAGE.content)
    found = await provider.submit(message)
    assert "PIPELINING" in found.ehlo
    assert (found.failure.stage, found.status) == (stage, status)
    assert found.reply_code == int(sender[5:8])


async def test_a_message_over_its_size_is_refused_before_it_is_sent(world, peer):
    peer.events()
    message = Message(sender="a@example.org", recipient="b@example.net", content=b"x" * 100_001)
    found = await world.provider("smtp", peer.port).submit(message)
    assert (found.failure.category, found.failure.rule) == (Category.SIZE, "size-limit")
    assert [event["event"] for event in peer.events()] == ["auth"]


async def test_it_takes_eight_bits_and_what_is_not_ascii(world, peer):
    provider = world.provider("smtp", peer.port)
    content = "From: <jö@example.org>\r\nSubject: Grüße\r\n\r\nü\r\n".encode()
    peer.events()
    found = await provider.submit(Message(sender="jö@example.org", recipient="b@example.net", content=content))
    assert found.status is SubmissionStatus.ACCEPTED
    _, mail, _, data = peer.events()
    assert (mail["args"]["BODY"], mail["args"]["SMTPUTF8"]) == ("8BITMIME", True)
    assert base64.b64decode(data["message"]) == content
    plain = await provider.submit(MESSAGE)
    assert plain.status is SubmissionStatus.ACCEPTED
    assert set(peer.events()[1]["args"]) == {"SIZE"}  # nothing is said that is not needed


async def test_a_check_names_the_sender_and_sends_nothing(world, peer):
    peer.events()
    checkup = await world.provider("smtp", peer.port).check("probe@example.org")
    assert checkup.worst == "ok"
    assert [event["event"] for event in peer.events()] == ["auth", "mail"]


async def test_sessions_are_used_again_when_asked_for(world, peer):
    settings = world.settings("smtp", peer.port)
    channel = SmtpChannel(
        "relay",
        settings.endpoint(),
        clock=world.clock,
        stage_timeout_seconds=5,
        total_timeout_seconds=20,
        login=settings.login(None),
        reuse=Reuse(max_messages=3),
    )
    peer.events()
    found = [await channel.submit(MESSAGE) for _ in range(5)]
    await channel.aclose()
    assert {one.status for one in found} == {SubmissionStatus.ACCEPTED}
    ids = [event["id"] for event in peer.events() if event["event"] == "data"]
    assert [ids.count(one) for one in dict.fromkeys(ids)] == [3, 2]
    assert Stage.CONNECT in found[0].stage_seconds
    assert set(found[1].stage_seconds) == {Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.END_OF_DATA}
    assert found[1].tls == found[0].tls


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("expired", "certificate-expired"),
        ("other name", "certificate-name"),
        ("stranger", "certificate-untrusted"),
        ("stripped", "starttls-not-offered"),
    ],
)
async def test_a_fault_of_its_tls_gets_no_password(world, tmp_path, fault, rule):
    issuer = trustme.CA() if fault == "stranger" else world.authority
    not_after = {"not_after": world.clock.now().replace(year=2020)} if fault == "expired" else {}
    certificate = issuer.issue_cert("other.example.org" if fault == "other name" else NAME, **not_after)
    with running(tmp_path, hideSTARTTLS=fault == "stripped", **pems(certificate)) as peer:
        found = await world.provider("smtp", peer.port).submit(MESSAGE)
        assert (found.failure.category, found.failure.stage, found.failure.rule) == (Category.TLS, Stage.TLS, rule)
        assert [event for event in peer.events() if event["event"] != "error"] == []


async def test_implicit_tls_with_a_client_certificate(world, tmp_path):
    authority = trustme.CA()
    own, key = tmp_path / "client.pem", tmp_path / "client.key"
    certificate = authority.issue_cert("mail.example.org")
    certificate.private_key_pem.write_to_path(key)
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(own, append=True)
    options = {"secure": True, "requestCert": True, "rejectUnauthorized": True, "authOptional": True}
    options |= {"ca": authority.cert_pem.bytes().decode(), **pems(world.authority.issue_cert(NAME))}
    with running(tmp_path, **options) as peer:
        settings = {"tls": "implicit", "username": None, "password": None}
        files = {"client_certificate_file": str(own), "client_key_file": str(key)}
        shown = await world.provider("smtp", peer.port, **settings, **files).submit(MESSAGE)
        hidden = await world.provider("smtp", peer.port, **settings).submit(MESSAGE)
        files["client_key_file"] = world.ca_file
        wrong = await world.provider("smtp", peer.port, **settings, **files).submit(MESSAGE)
    assert (shown.status, shown.tls.version) == (SubmissionStatus.ACCEPTED, "TLSv1.3")
    assert hidden.status is SubmissionStatus.ERROR
    assert (wrong.failure.category, wrong.failure.rule) == (Category.CONFIG, "client-certificate")
