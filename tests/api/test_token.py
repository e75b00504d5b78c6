"""Over TCP everything that shows or changes something needs the token."""

import asyncio
from pathlib import Path

import pytest

from service.api.app import create_app
from service.api.pages import PAGES
from service.api.serve import serve
from service.errors import UsageError
from tests.api.fake_desk import FakeDesk
from tests.api.world import TOKEN, World

PROTECTED = ["/v1/status", "/v1/providers", "/v1/route", "/v1/stream", "/v1/observations", "/openapi.json", "/readyz"]


@pytest.mark.parametrize("token", [None, "wrong", TOKEN + "x", TOKEN[:-1], "ümläut"])
def test_no_answer_without_the_token(world: World, token: str | None) -> None:
    with world.tcp() as client:
        headers = {} if token is None else {"Authorization": f"Bearer {token}".encode()}
        for path in PROTECTED:
            answer = client.get(path, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.headers["content-type"] == "application/problem+json"
            assert TOKEN not in answer.text
        assert client.post("/v1/failover", json={"to": "mailgun"}, headers=headers).status_code == 401
    assert world.desk.failovers == []


def test_answers_with_the_token(world: World) -> None:
    with world.tcp(TOKEN) as client:
        assert client.get("/v1/status").status_code == 200
        assert client.post("/v1/failover", json={"to": "mailgun"}).status_code == 200


def test_pages_and_the_sign_of_life_are_open(world: World) -> None:
    with world.tcp() as client:
        for path in ("/healthz", *PAGES):
            assert client.get(path).status_code == 200, path


def test_pages_may_load_only_what_the_daemon_serves(world: World) -> None:
    with world.tcp() as client:
        for path in PAGES:
            answer = client.get(path)
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert "https://" not in answer.text.replace("https://www.rfc-editor.org", "")


def test_an_application_made_with_a_token_asks_for_it() -> None:
    with pytest.raises(ValueError, match="empty token"):
        create_app(FakeDesk(), token="").build_middleware_stack()
    create_app(FakeDesk(), token="secret").build_middleware_stack()


@pytest.mark.anyio
@pytest.mark.parametrize("token", [None, ""])
async def test_tcp_without_a_token_is_refused(tmp_path: Path, token: str | None) -> None:
    with pytest.raises(UsageError, match=r"\[api\] listen needs \[api\] token"):
        await serve(FakeDesk(), socket=tmp_path / "s", listen="127.0.0.1:0", token=token, stop=asyncio.Event())
    assert not (tmp_path / "s").exists()
