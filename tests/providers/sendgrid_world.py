"""A SendGrid provider beside a local server, the official description to hold both to, and signed webhooks."""

import base64
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from providers.sendgrid import SendgridProvider, SendgridSettings
from tests.providers.http_server import http

CORPUS = Path(__file__).parents[1] / "corpus" / "sendgrid"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
API_KEY = "SG.aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbb"
PASSWORD = "SG.cccccccccccccccccccccc.dddddddddddddddddddddd"
SENDER = "probe@example.org"

# The known answer that SendGrid's own libraries are tested with (MIT).
VECTOR_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6"
    "wEA3F+g=="
)
VECTOR_TIMESTAMP = "1600112502"
VECTOR_SIGNATURE = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
VECTOR_BODY = (
    b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
    b'"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
    b'"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
    b'"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
)


class FixedClock:
    def __init__(self, now=NOW):
        self.time = now
        self.seconds = 0.0

    def now(self):
        return self.time

    def monotonic(self):
        return self.seconds


def provider(url=None, *, clock=None, stage=5.0, total=10.0, **changes) -> SendgridProvider:
    table = {
        "name": "relay",
        "kind": "sendgrid",
        "password": PASSWORD,
        "api_key": API_KEY,
        "api_url": url,
        # a closed port: what these tests ask goes by HTTP
        "host": "127.0.0.1",
        "port": 1,
    } | changes
    settings = SendgridSettings(**{key: value for key, value in table.items() if value is not None})
    return SendgridProvider(
        settings, clock=clock or FixedClock(), stage_timeout_seconds=stage, total_timeout_seconds=total
    )


def answering(table):
    """Return a behaviour that answers by "METHOD /path"; a list is answered in order, its last entry for ever."""
    told = {}

    async def behave(request, writer):
        key = f"{request.method} {unquote(request.path)}"
        if key not in table:
            writer.write(http(404, '{"errors": [{"message": "not found"}]}'))
            return
        entry = table[key]
        if isinstance(entry, list) and entry and isinstance(entry[0], tuple):
            number = told.get(key, 0)
            told[key] = number + 1
            entry = entry[min(number, len(entry) - 1)]
        status, value = entry if isinstance(entry, tuple) else (200, entry)
        writer.write(http(status, json.dumps(value), Content_Type="application/json"))

    return behave


class WebhookKey:
    """A key pair that signs as SendGrid does."""

    def __init__(self):
        self._key = ec.generate_private_key(ec.SECP256R1())
        der = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.public = base64.b64encode(der).decode()

    def headers(self, body, at=NOW):
        timestamp = str(int(at.timestamp()))
        signature = self._key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return {
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
        }


@cache
def description():
    return json.loads((CORPUS / "openapi.json").read_text())


@cache
def _registry():
    return Registry().with_resource("urn:sendgrid", Resource(contents=description(), specification=DRAFT202012))


def validate(value, pointer):
    """Hold a value to the part of the official description at this JSON pointer."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": f"urn:sendgrid#{pointer}"}
    errors = [e for e in Draft202012Validator(schema, registry=_registry()).iter_errors(value) if not _nulled(e)]
    assert errors == [], errors[0].message


def _nulled(error):
    # the word `nullable` was meant for OpenAPI 3.0, and JSON Schema does not know it
    return error.instance is None and isinstance(error.schema, dict) and error.schema.get("nullable") is True


def _template(method, path):
    for template, operations in description()["paths"].items():
        want, have = template.split("/"), unquote(path).split("/")
        fits = len(want) == len(have) and method.lower() in operations
        if fits and all(w == h or w.startswith("{") for w, h in zip(want, have, strict=True)):
            return template
    raise AssertionError(f"the official description has no {method} {path}")


def _escape(template):
    return template.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


def _resolved(node, pointer):
    while "$ref" in node:
        pointer = node["$ref"].removeprefix("#")
        node = description()
        for part in pointer.strip("/").split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
    return node, pointer


def official_request(request):
    """Hold one of our requests to the official description: path, query and body; return the body."""
    template = _template(request.method, request.path)
    place = f"/paths/{_escape(template)}/{request.method.lower()}"
    described = description()["paths"][template][request.method.lower()]
    known = {}
    for number, row in enumerate(described.get("parameters", ())):
        resolved, pointer = _resolved(row, f"{place}/parameters/{number}")
        if resolved["in"] == "query":
            known[resolved["name"]] = (resolved, f"{pointer}/schema")
    for name, value in request.query.items():
        assert name in known, f"{name} is no parameter of {template}"
        kind = known[name][0]["schema"].get("type")
        read = int(value) if kind in ("integer", "number") else value == "true" if kind == "boolean" else value
        validate(read, known[name][1])
    missing = [name for name, (row, _) in known.items() if row.get("required") and name not in request.query]
    assert missing == []
    if "requestBody" not in described:
        assert request.body == b""
        return None
    body, pointer = _resolved(described["requestBody"], f"{place}/requestBody")
    assert "application/json" in body["content"]
    value = json.loads(request.body)
    validate(value, f"{pointer}/content/application~1json/schema")
    return value


def official_answer(method, path, value, status="200"):
    """Hold a canned answer to the official description; return it."""
    template = _template(method, path)
    responses = description()["paths"][template][method.lower()]["responses"]
    place = f"/paths/{_escape(template)}/{method.lower()}/responses/{status}"
    _, pointer = _resolved(responses[status], place)
    validate(value, f"{pointer}/content/application~1json/schema")
    return value


def official_examples(method, path, status="200"):
    """Return the official examples of an answer."""
    responses = description()["paths"][path][method.lower()]["responses"]
    content = _resolved(responses[status], "")[0]["content"]["application/json"]
    return [row["value"] for row in content.get("examples", {}).values()]
