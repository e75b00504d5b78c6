"""The HTTP call that adapters share, against a real server that does all the things servers do."""

import asyncio
import gzip
import logging
import os
import socket
import time

import pytest

from providers.failure import Category, Stage
from providers.http import MAX_ANSWER_BYTES, HttpApi, HttpTransportError
from service.clock import SystemClock
from tests.providers.http_server import http, serving

pytestmark = pytest.mark.anyio
KEY = "key-0123456789abcdef/+"


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


def api(url, *, stage=5.0, total=10.0, auth=("api", KEY), **more):
    return HttpApi(
        "relay", url, auth, clock=SystemClock(), stage_timeout_seconds=stage, total_timeout_seconds=total, **more
    )


async def failing(behave, *, ssl=None, path="/v3/x", **more):
    async with serving(behave, ssl) as server:
        with pytest.raises(HttpTransportError) as raised:
            await api(server.url, **more).call("POST", path, json={"a": 1})
    assert KEY not in str(raised.value)
    return raised.value


async def test_an_answer_is_whole_whatever_its_status(world):
    async with serving(http(418, b'{"a": 1}', X_Thing="yes"), world.server_context("127.0.0.1")) as server:
        answer = await api(server.url, ca_file=world.ca_file).call("GET", "/v3/x", params=[("q", "a b&c")])
    assert (answer.status, answer.json(), answer.ok, answer.headers["x-thing"]) == (418, {"a": 1}, False, "yes")
    assert answer.tls is not None
    assert answer.tls.version == "TLSv1.3"
    assert answer.tls.not_after is not None
    assert set(answer.stage_seconds) == {Stage.DNS, Stage.CONNECT, Stage.TLS, Stage.DATA, Stage.END_OF_DATA}
    assert sum(answer.stage_seconds.values()) <= answer.duration_seconds
    assert server.requests[0].query == {"q": "a b&c"}


async def test_the_key_is_sent_and_shown_nowhere(caplog):
    caplog.set_level(logging.DEBUG)
    async with serving(http(200, "{}")) as server:
        for auth in (("api", KEY), {"authorization": f"Bearer {KEY}"}):
            asked = api(server.url, auth=auth, secrets=["hunter22"])
            await asked.call("GET", "/")
            assert (
                asked.redact(f"{KEY} {server.requests[-1].headers['authorization']} hunter22").count("[redacted]") == 3
            )
            assert KEY not in asked.redact(f"key-0123456789abcdef%2F%2B {KEY}")
            assert KEY not in repr(asked)
    assert server.requests[0].headers["authorization"].startswith("Basic ")
    assert server.requests[1].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in caplog.text


@pytest.mark.parametrize("files", [(), (("message", ("message.mime", b"From: a\r\n", "message/rfc822")),)])
async def test_files_even_none_make_a_multipart_form(files):
    async with serving(http(200, "{}")) as server:
        await api(server.url).call("POST", "/", form=[("to", "a@b"), ("to", "c@d")], files=files)
        await api(server.url).call("POST", "/", form=[("to", "a@b"), ("to", "c d")])
    multipart, plain = server.requests
    assert multipart.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert multipart.body.count(b'name="to"') == 2
    assert plain.body == b"to=a%40b&to=c+d"


async def test_a_redirect_is_not_followed_and_a_proxy_not_used(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(http(302, "", Location="http://127.0.0.1:9/")) as server:
        assert (await api(server.url).call("GET", "/")).status == 302


@pytest.mark.parametrize(
    "answer",
    [
        http(200, gzip.compress(b'{"a": 1}', mtime=0), Content_Encoding="gzip"),
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n5\r\n": 1}\r\n0\r\n\r\n',
        b'HTTP/1.0 200 OK\r\n\r\n{"a": 1}',
    ],
)
async def test_compressed_chunked_and_unmeasured_bodies_are_read(answer):
    async with serving(answer) as server:
        assert (await api(server.url).call("GET", "/")).json() == {"a": 1}


@pytest.mark.parametrize(
    ("answer", "category", "rule"),
    [
        (b"220 mail.example.org ESMTP\r\n\r\n", Category.PROVIDER, "garbage"),
        (b"\x00\xff" * 80_000, Category.PROVIDER, "garbage"),
        (b"HTTP/1.1 2000 Yes\r\n\r\n", Category.PROVIDER, "garbage"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 60_000, Category.PROVIDER, "garbage"),
        (http(200, b"not gzip", Content_Encoding="gzip"), Category.PROVIDER, "garbage"),
        (http(200, gzip.compress(os.urandom(99))[:-9], Content_Encoding="gzip"), Category.PROVIDER, "garbage"),
        (http(200, b"x", Content_Encoding="br"), Category.PROVIDER, "garbage"),
        (
            http(200, gzip.compress(bytes(MAX_ANSWER_BYTES + 1)), Content_Encoding="gzip"),
            *(Category.PROVIDER, "answer-too-large"),
        ),
        (http(200, bytes(MAX_ANSWER_BYTES + 1)), Category.PROVIDER, "answer-too-large"),
        (b"", Category.NETWORK, "connection-lost"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", Category.NETWORK, "connection-lost"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", Category.NETWORK, "connection-lost"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", Category.NETWORK, "connection-lost"),
    ],
)
async def test_what_is_no_whole_answer_is_classified(answer, category, rule):
    failed = await failing(answer)
    assert (failed.failure.category, failed.failure.rule) == (category, rule)
    assert (failed.failure.stage, failed.failure.temporary) == (Stage.END_OF_DATA, True)
    assert "127.0.0.1" in str(failed)


async def test_a_body_without_end_is_left_at_the_limit():
    async def pour(_request, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(bytes(100_000))
            await writer.drain()

    assert (await failing(pour)).failure.rule == "answer-too-large"


async def test_what_follows_a_compressed_answer_is_not_read():
    async def pour(_request, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b'{"a": 1}', mtime=0))
        while True:
            writer.write(bytes(100_000))
            await writer.drain()

    async with serving(pour) as server:
        assert (await api(server.url, total=2.0).call("GET", "/")).json() == {"a": 1}


async def test_a_peer_that_says_nothing_or_drips_is_left_in_time():
    async def hang(_request, writer):
        await asyncio.sleep(60)

    async def drip(_request, writer):
        for byte in http(200, bytes(1000)):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.01)

    begun = time.monotonic()
    for behave in (hang, drip):
        failed = await failing(behave, stage=0.2, total=0.4)
        assert (failed.failure.category, failed.failure.rule) == (Category.NETWORK, "time-out")
        assert failed.failure.stage is Stage.END_OF_DATA
        assert failed.stage_seconds[Stage.END_OF_DATA] > 0.1
    assert time.monotonic() - begun < 5


async def test_a_deadline_that_has_passed_connects_to_nobody():
    async with serving(http(200)) as server:
        with pytest.raises(HttpTransportError) as raised:
            await api(server.url).call("GET", "/", deadline=SystemClock().monotonic() - 1)
    assert raised.value.failure.rule == "time-out"
    assert server.requests == []


async def test_tls_is_verified(world):
    untrusted = await failing(b"", ssl=world.stranger_context(), ca_file=world.ca_file)
    assert (untrusted.failure.category, untrusted.failure.rule) == (Category.TLS, "certificate-untrusted")
    other_name = await failing(b"", ssl=world.server_context("other.example.org"), ca_file=world.ca_file)
    assert (other_name.failure.stage, other_name.failure.rule) == (Stage.TLS, "certificate-name")
    no_file = await failing(b"", ssl=world.server_context("127.0.0.1"), ca_file="/nonexistent/ca.pem")
    assert (no_file.failure.category, no_file.failure.rule) == (Category.CONFIG, "ca-file")
    assert "/nonexistent/ca.pem" in str(no_file)


async def test_a_peer_that_speaks_no_tls_or_hangs_in_it_is_a_tls_failure():
    async def clear(reader, writer):
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def hang(reader, writer):
        await reader.read()
        writer.close()

    for behave, rule in ((clear, "tls-handshake"), (hang, "time-out")):
        server = await asyncio.start_server(behave, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(HttpTransportError) as raised:
            await api(f"https://127.0.0.1:{port}", stage=0.3).call("GET", "/")
        assert (raised.value.failure.stage, raised.value.failure.rule) == (Stage.TLS, rule)
        server.close()


async def test_a_peer_that_does_not_take_the_connection_is_left_in_time():
    with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for filling in (first, second):  # the queue is full: further SYNs are dropped (listen(2))
            filling.setblocking(False)
            filling.connect_ex(listening.getsockname())
        with pytest.raises(HttpTransportError) as raised:
            await api(f"http://127.0.0.1:{listening.getsockname()[1]}", stage=0.2).call("GET", "/")
    assert (raised.value.failure.stage, raised.value.failure.rule) == (Stage.CONNECT, "time-out")


async def test_nobody_there_and_no_such_name():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(HttpTransportError) as refused:
            await api(f"http://127.0.0.1:{unused.getsockname()[1]}").call("GET", "/")
    assert (refused.value.failure.stage, refused.value.failure.rule) == (Stage.CONNECT, "connection-refused")
    with pytest.raises(HttpTransportError) as unknown:
        await api(f"https://{'a' * 64}.example.org").call("GET", "/")
    assert (unknown.value.failure.category, unknown.value.failure.rule) == (Category.CONFIG, "host-name")
    with pytest.raises(HttpTransportError) as nameless:
        await api("https://does-not-exist.invalid", stage=3).call("GET", "/v3/bounces/jane@example.org")
    assert nameless.value.failure.stage is Stage.DNS
    assert "jane" not in str(nameless.value)
