"""Errors are problem documents (RFC 9457), whatever went wrong."""

from http import HTTPStatus

import httpx2
import pytest

from service import errors
from service.api.problem import HTTP_STATUS, problem_of
from service.postfix.errors import BusyError, NotRunningError, PostfixError
from tests.api.world import World

SAFE = {"to": "mailgun", "reason": ""}


def problem(answer: httpx2.Response) -> dict[str, object]:
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert {"type", "title", "status", "detail", "exit_status"} <= document.keys()
    assert document["status"] == answer.status_code
    return document


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "kind"),
    [
        ("GET", "/v1/plan?to=nosuch", None, 404, "no-such-provider"),
        ("POST", "/v1/failover", {**SAFE, "to": "nosuch"}, 404, "no-such-provider"),
        ("POST", "/v1/failover", {**SAFE, "to": "smarthost"}, 409, "unsafe-plan"),
        ("POST", "/v1/failover", {**SAFE, "reason": "break"}, 502, "not-running"),
        ("POST", "/v1/probes", {"provider": "nosuch"}, 404, "no-such-provider"),
        ("POST", "/v1/probes", {"seed": "nosuch"}, 404, "no-such-seed"),
        ("GET", "/v1/nosuch", None, 404, "not-found"),
        ("GET", "/nosuch", None, 404, "not-found"),
        ("DELETE", "/v1/status", None, 405, "method-not-allowed"),
        ("GET", "/v1/plan", None, 422, "wrong-input"),
        ("GET", "/v1/compare?window=week", None, 422, "wrong-input"),
        ("GET", "/v1/compare?window=0s", None, 422, "wrong-input"),
        ("GET", "/v1/history?limit=0", None, 422, "wrong-input"),
        ("GET", "/v1/observations?after=-1", None, 422, "wrong-input"),
        ("POST", "/v1/failover", {"to": "mailgun", "host": "evil.example"}, 422, "wrong-input"),
        ("POST", "/v1/overrides", {"verb": "reboot"}, 422, "wrong-input"),
        ("POST", "/v1/failover", {**SAFE, "reason": "x" * 100_000}, 413, "content-too-large"),
    ],
)
def test_kind_and_status(world: World, method: str, path: str, body: object, status: int, kind: str) -> None:
    with world.client() as client:
        answer = client.request(method, path, json=body)
    assert answer.status_code == status
    assert problem(answer)["type"] == f"urn:relaypilot:problem:{kind}"
    assert world.desk.failovers == []


def test_a_body_of_unknown_length_is_refused(world: World) -> None:
    with world.client() as client:
        answer = client.post("/v1/failover", content=iter([b'{"to":', b'"mailgun"}']))
    assert answer.status_code == 411
    assert problem(answer)["type"] == "urn:relaypilot:problem:length-required"


def test_wrong_input_names_every_field(world: World) -> None:
    with world.client() as client:
        document = problem(client.post("/v1/failover", json={"for_seconds": -1, "force": "maybe"}))
    assert {one["field"] for one in document["errors"]} == {"body.to", "body.for_seconds", "body.force"}  # type: ignore[attr-defined]
    assert document["exit_status"] == 2


def test_a_form_of_a_foreign_page_moves_nothing(world: World) -> None:
    with world.client() as client:
        answer = client.post(
            "/v1/failover", content='{"to":"mailgun","reason":""}', headers={"Content-Type": "text/plain"}
        )
    assert answer.status_code == 422
    assert world.desk.failovers == []


def test_what_nobody_expected_says_only_its_kind(own_world: World) -> None:
    def fail() -> None:
        raise ZeroDivisionError("the secret is 42")

    own_world.desk.ready = fail  # type: ignore[assignment]
    with own_world.client() as client:
        document = problem(client.get("/readyz"))
    assert document["status"] == 500
    assert "ZeroDivisionError" in str(document["detail"])
    assert "42" not in str(document)


def test_every_error_has_an_http_status_by_its_nearest_class() -> None:
    assert set(HTTP_STATUS) <= {errors.RelaypilotError, *_below(errors.RelaypilotError)}
    assert problem_of(NotRunningError("x"))["status"] == HTTPStatus.BAD_GATEWAY
    assert problem_of(BusyError("x"))["status"] == HTTPStatus.CONFLICT
    assert problem_of(errors.StoreLockedError("x"))["status"] == HTTPStatus.SERVICE_UNAVAILABLE
    assert problem_of(PostfixError("x"))["exit_status"] == 8


def _below(kind: type) -> set[type]:
    return {below for child in kind.__subclasses__() for below in {child, *_below(child)}}
