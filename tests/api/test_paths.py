"""Every path of the API, over a real unix socket."""

import json
import stat

import pytest

from service.readiness.views import CheckView, CopyView
from service.views import (
    CompareView,
    ExplainView,
    HistoryEntryView,
    MoveView,
    OverrideView,
    PlanView,
    ProbeProgressView,
    ProviderView,
    RouteView,
    StatusView,
)
from tests.api.world import World


def test_socket_is_for_its_owner_and_group_only(world: World) -> None:
    assert stat.S_IMODE(world.socket.stat().st_mode) == 0o660


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1/status", StatusView),
        ("/v1/route", RouteView),
        ("/v1/explain", ExplainView),
        ("/v1/compare?window=90s&receiver=gmail", CompareView),
        ("/v1/plan?to=mailgun", PlanView),
        ("/v1/plan?to=mailgun&receiver=gmail", PlanView),
    ],
)
def test_answers_with_the_model_of_the_path(world: World, path: str, model: type) -> None:
    with world.client() as client:
        answer = client.get(path)
    assert answer.status_code == 200, answer.text
    model.model_validate_json(answer.content)


@pytest.mark.parametrize(
    ("path", "model", "count"),
    [("/v1/providers", ProviderView, 3), ("/v1/history?limit=2", HistoryEntryView, 2), ("/v1/overrides", None, 0)],
)
def test_answers_with_a_list_where_there_are_many(world: World, path: str, model: type, count: int) -> None:
    with world.client() as client:
        answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()) == count
    for one in answer.json():
        model.model_validate_json(json.dumps(one))


def test_failover_reaches_the_desk_with_actor_and_reason(world: World) -> None:
    asked = {"to": "mailgun", "for_seconds": 60, "reason": "test", "actor": "ann@mx1"}
    with world.client() as client:
        answer = client.post("/v1/failover", json=asked)
    assert MoveView.model_validate_json(answer.content).route == ("mailgun", "sendgrid")
    assert world.desk.failovers[0].actor == "ann@mx1"
    assert world.desk.failovers[0].for_seconds == 60


def test_pause_and_resume_answer_with_the_overrides_in_force(world: World) -> None:
    with world.client() as client:
        paused = client.post("/v1/overrides", json={"verb": "pause", "for_seconds": 60, "reason": "maintenance"})
        assert [OverrideView.model_validate_json(json.dumps(one)).verb for one in paused.json()] == ["pause"]
        assert client.get("/v1/overrides").json() == paused.json()
        assert client.post("/v1/overrides", json={"verb": "resume"}).json() == []


def test_the_accounts_are_checked(world: World) -> None:
    with world.client() as client:
        every = CheckView.model_validate_json(client.post("/v1/check", json={}).content)
        one = CheckView.model_validate_json(client.post("/v1/check", json={"provider": "mailgun"}).content)
        none = client.post("/v1/check", json={"provider": "nosuch"})
    assert [p.verdict for p in every.providers] == ["ok", "failed", "ok"]
    assert [p.provider for p in one.providers] == ["mailgun"]
    assert none.status_code == 404


def test_suppressions_are_copied(world: World) -> None:
    with world.client() as client:
        answer = client.post("/v1/suppressions/sync", json={"dry_run": True})
    done = CopyView.model_validate_json(answer.content)
    assert [(one.to, one.added) for one in done.providers] == [("sendgrid", 0), ("mailgun", 0)]


def test_a_round_is_streamed_as_json_lines(world: World) -> None:
    with world.client() as client, client.stream("POST", "/v1/probes", json={}) as answer:
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        lines = [ProbeProgressView.model_validate_json(line) for line in answer.iter_lines()]
    assert [line.provider for line in lines] == ["mailgun", "sendgrid", "smarthost"]


def test_a_round_that_fails_halfway_ends_with_its_problem(world: World) -> None:
    with world.client() as client:
        lines = client.post("/v1/probes", json={"seed": "broken"}).text.splitlines()
    assert json.loads(lines[-1])["detail"] == "The round ended early."


def test_observations_are_json_lines_with_the_next_place_to_read_from(world: World) -> None:
    with world.client() as client:
        first = client.get("/v1/observations?limit=3")
        assert [json.loads(line)["n"] for line in first.text.splitlines()] == [1, 2, 3]
        rest = client.get("/v1/observations", params={"after": first.headers["relaypilot-last-seq"]})
        assert [json.loads(line)["n"] for line in rest.text.splitlines()] == [4, 5]
        assert client.get("/v1/observations?after=5").headers["relaypilot-last-seq"] == "5"


def test_ready_only_when_cycles_complete(world: World) -> None:
    with world.client() as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").status_code == 200
        world.desk.not_ready = "No cycle has completed yet."
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "No cycle has completed yet."
