"""The API describes itself completely."""

import json
import re
from typing import Any

import jsonschema
import pytest

from service.api.app import create_app
from tests.api.fake_desk import FakeDesk
from tests.api.world import World


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(FakeDesk(), token=None).openapi()


def test_every_path_is_there(document: dict[str, Any]) -> None:
    found = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert found == {
        "GET /healthz",
        "GET /readyz",
        "GET /v1/compare",
        "GET /v1/explain",
        "GET /v1/history",
        "GET /v1/observations",
        "GET /v1/overrides",
        "GET /v1/plan",
        "GET /v1/providers",
        "GET /v1/route",
        "GET /v1/status",
        "GET /v1/stream",
        "POST /v1/check",
        "POST /v1/failover",
        "POST /v1/overrides",
        "POST /v1/probes",
        "POST /v1/suppressions/sync",
    }


def test_every_operation_and_parameter_is_described(document: dict[str, Any]) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            assert operation["description"]
            assert operation["tags"]
            for parameter in operation.get("parameters", []):
                assert parameter["description"]


def test_every_answer_has_a_schema_and_every_error_is_a_problem(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert "content" in operation["responses"]["200"]
            if path.startswith("/v1/"):
                assert set(operation["responses"]) == {"200", "4XX", "5XX"}
                assert list(operation["responses"]["4XX"]["content"]) == ["application/problem+json"]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert names <= document["components"]["schemas"].keys()
    assert {"Problem", "StatusView", "EventView", "ProbeProgressView"} <= names


def test_answers_follow_their_schemas(world: World) -> None:
    with world.client() as client:
        document = client.get("/openapi.json").json()
        for path, query in (("status", ""), ("history", ""), ("compare", ""), ("explain", ""), ("plan", "?to=mailgun")):
            schema = document["paths"][f"/v1/{path}"]["get"]["responses"]["200"]["content"]["application/json"][
                "schema"
            ]
            answer = client.get(f"/v1/{path}{query}").json()
            jsonschema.validate(answer, {**schema, "components": document["components"]})
        schema = {"$ref": "#/components/schemas/Problem", "components": document["components"]}
        jsonschema.validate(client.get("/v1/plan").json(), schema)
