"""The HTTP of the simulators: what clients may send, and what garbage meets."""

import gzip
import json
import socket
import ssl

import pytest

from deploy.sandbox.world import World
from tests.sandbox.http_clients import Client


def raw(world: World, provider: str, sent: bytes) -> bytes:
    """Send bytes over TLS and return all that comes back."""
    context = ssl.create_default_context(cafile=str(world.ca_file))
    with (
        socket.create_connection(("127.0.0.1", world.ports[f"{provider}_api"]), 5) as plain,
        context.wrap_socket(plain, server_hostname=f"api.{provider}.test") as tls,
    ):
        tls.sendall(sent)
        received = b""
        while part := tls.recv(65536):
            received += part
        return received


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"H%d: x\r\n" % n for n in range(200)) + b"\r\n",
    ],
    ids=["nonsense", "version", "length", "negative", "huge", "gzip", "line", "headers"],
)
def test_garbage_is_refused_and_the_port_stays_open(world: World, sent: bytes) -> None:
    assert raw(world, "mailgun", sent).startswith(b"HTTP/1.1 400 ")
    assert raw(world, "mailgun", b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").endswith(b"Mailgun Magnificent API")


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(world: World) -> None:
    context = ssl.create_default_context(cafile=str(world.ca_file))
    with (
        socket.create_connection(("127.0.0.1", world.ports["mailgun_api"]), 5) as plain,
        context.wrap_socket(plain, server_hostname="api.mailgun.test") as tls,
    ):
        tls.sendall(b"POST /v3/example.test/messages HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
    assert raw(world, "mailgun", b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").endswith(b"Mailgun Magnificent API")


def test_compressed_and_chunked_bodies_are_read(sendgrid: Client) -> None:
    mail = {
        "personalizations": [{"to": [{"email": "seed-1@gmail.test"}]}],
        "from": {"email": "probe@example.test"},
        "subject": "packed",
        "content": [{"type": "text/plain", "value": "Hello."}],
    }
    body = json.dumps(mail).encode()
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert sendgrid.ask("POST", "/v3/mail/send", content=gzip.compress(body), headers=headers).status_code == 202
    chunks = iter([body[:20], body[20:]])
    answer = sendgrid.ask("POST", "/v3/mail/send", content=chunks, headers={"Content-Type": "application/json"})
    assert answer.status_code == 202


def test_an_answer_to_head_has_no_body(mailgun: Client) -> None:
    answer = mailgun.http.head("/")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "changes",
    [
        {"personalizations": 5},
        {"personalizations": [5]},
        {"personalizations": [{"to": 5}]},
        {"personalizations": [{"to": [5]}]},
        {"from": "probe@example.test"},
        {"content": 5},
        {"content": [5]},
        {"headers": 5},
        {"attachments": [5]},
        {"categories": 5},
        {"mail_settings": []},
        {"mail_settings": {"sandbox_mode": 5}},
    ],
    ids=str,
)
def test_values_of_wrong_types_are_refused(sendgrid: Client, changes: dict) -> None:
    assert sendgrid.send(**changes).status_code == 400
    assert sendgrid.send().status_code == 202


def test_wrong_types_in_queries_are_refused(mailgun: Client, sendgrid: Client) -> None:
    for ask in ({"pagination": 5}, {"filter": {"AND": [5]}}, {"pagination": {"token": 5}}, {"start": "soon"}, []):
        assert mailgun.http.post("/v1/analytics/logs", json=ask).status_code == 400
    for ask in ({"dimensions": ["moon"]}, {"duration": "long"}, {"resolution": "year"}, []):
        assert mailgun.http.post("/v1/analytics/metrics", json=ask).status_code == 400
    assert sendgrid.http.post("/v3/asm/suppressions/global", json=[]).status_code == 400
    assert sendgrid.http.request("DELETE", "/v3/suppression/bounces", json=[]).status_code == 400


def test_what_is_no_json_is_refused(mailgun: Client, sendgrid: Client) -> None:
    assert mailgun.http.post("/v1/analytics/logs", content=b"{").status_code == 400
    assert sendgrid.http.post("/v3/mail/send", content=b"{").status_code == 400
    assert sendgrid.http.post("/v3/mail/send", json=[]).status_code == 400
    assert mailgun.http.get("/v3/example.test/events/notoken").status_code == 400
