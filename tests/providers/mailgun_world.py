"""A Mailgun provider beside a local server, and the official description to hold both to."""

import email
import email.policy
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import jsonschema

from providers.mailgun import MailgunProvider, MailgunSettings
from tests.providers.http_server import http

CORPUS = Path(__file__).parents[1] / "corpus" / "mailgun"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DOMAIN = "mg.example.org"
DOMAIN_PATH = f"/v4/domains/{DOMAIN}"
API_KEY = "key-3ax6xnjp29jd6fds4gc373sgvjxteol0"
SENDING_KEY = "sending-7f1c2a"
SIGNING_KEY = "key-0p6mqbf74lb20gzq9f4dhpn9rg3zyk26"


class FixedClock:
    def __init__(self, now=NOW):
        self.time = now
        self.seconds = 0.0

    def now(self):
        return self.time

    def monotonic(self):
        return self.seconds


def provider(url, *, clock=None, stage=5.0, total=10.0, **changes) -> MailgunProvider:
    table = {
        "name": "relay",
        "kind": "mailgun",
        "username": f"postmaster@{DOMAIN}",
        "password": "correct horse",
        "api_key": API_KEY,
        "webhook_signing_key": SIGNING_KEY,
        "api_url": url,
        # a closed port: what these tests ask goes by HTTP
        "host": "127.0.0.1",
        "port": 1,
    } | changes
    settings = MailgunSettings(**{key: value for key, value in table.items() if value is not None})
    return MailgunProvider(
        settings, clock=clock or FixedClock(), stage_timeout_seconds=stage, total_timeout_seconds=total
    )


@cache
def description():
    """Return the official description, put right where its own examples contradict it."""
    text = (CORPUS / "openapi.json").read_text()
    whole = json.loads(text)
    # times are called objects, and every example gives text
    whole["components"]["schemas"]["github.com-mailgun-mime-RFC822Time"] = {"type": "string"}
    return _without_object_beside(whole)


def _without_object_beside(node):
    """Take `type: object` from beside a reference to what is none."""
    if isinstance(node, list):
        return [_without_object_beside(item) for item in node]
    if not isinstance(node, dict):
        return node
    refs = [item.get("$ref", "") for item in node.get("allOf", ()) if isinstance(item, dict)]
    if node.get("type") == "object" and any(ref.endswith("RFC822Time") for ref in refs):
        node = {key: value for key, value in node.items() if key != "type"}
    return {key: _without_object_beside(value) for key, value in node.items()}


def operation(method, path):
    """Return the described call that a request is, and the path's parameters."""
    for template, operations in description()["paths"].items():
        want, have = template.split("/"), unquote(path).split("/")
        if len(want) == len(have) and method.lower() in operations:
            pairs = list(zip(want, have, strict=True))
            if all(w == h or w.startswith("{") for w, h in pairs):
                return operations[method.lower()]
    raise AssertionError(f"the official description has no {method} {path}")


def validate(value, schema):
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema} | {
        "components": description()["components"]
    }
    jsonschema.Draft202012Validator(whole).validate(value)


def official_request(request):
    """Hold one of our requests to the official description; return what was in it."""
    described = operation(request.method, request.path)
    known = {row["name"]: row for row in described.get("parameters", ()) if row["in"] == "query"}
    for name, value in request.query.items():
        schema = known[name]["schema"]
        validate(int(value) if schema.get("type") == "integer" else value, schema)
    contents = described.get("requestBody", {}).get("content", {})
    if not contents:
        assert request.body == b""
        return None
    kind = request.headers["content-type"].partition(";")[0]
    schema = contents[kind]["schema"]
    if kind == "application/json":
        value = json.loads(request.body)
        validate(value, schema)
        assert unknown(value, schema) == set()
        return value
    fields = multipart(request)
    known = resolved(schema)["properties"]
    value = {}
    for name, found in fields.items():
        # free names: v:anything (user variables)
        assert name in known or name.startswith("v:"), name
        value[name] = found if known.get(name, {}).get("type") == "array" else found[0]
        assert len(found) == 1 or known[name]["type"] == "array"
    validate({name: item if isinstance(item, (str, list)) else "binary" for name, item in value.items()}, schema)
    return value


def resolved(schema):
    while "$ref" in schema:
        schema = description()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def unknown(value, schema):
    """Return the top-level names in a JSON object that the description does not have."""
    return set(value) - set(resolved(schema).get("properties", {})) if isinstance(value, dict) else set()


def multipart(request):
    """Return the fields of a form: text, or bytes for an uploaded file."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    fields = {}
    for part in email.message_from_bytes(head + request.body, policy=email.policy.HTTP).iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if part.get_content_type() == "message/rfc822":
            content = raw_file(request, name)
        fields.setdefault(name, []).append(content if part.get_filename() else content.decode())
    return fields


def raw_file(request, name):
    """Return an upload byte for byte; the email package would parse a message."""
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    for part in request.body.split(b"--" + boundary):
        head, _, content = part.partition(b"\r\n\r\n")
        if f'name="{name}"'.encode() in head:
            return content.removesuffix(b"\r\n")
    raise AssertionError(name)


def examples(method, path, status="200"):
    """Return the official examples of an answer by their names."""
    content = description()["paths"][path][method]["responses"][status]["content"]["application/json"]
    return {name: row["value"] for name, row in content["examples"].items()}


def record(**changes):
    return {
        "is_active": True,
        "cached": [],
        "record_type": "TXT",
        "name": DOMAIN,
        "valid": "valid",
        "value": "v=spf1 include:mailgun.org ~all",
    } | changes


def domain(state="active", records=None, **changes):
    rows = records if records is not None else [record(), record(name=f"pic._domainkey.{DOMAIN}", value="k=rsa; p=MII")]
    return {"domain": {"name": DOMAIN, "state": state, "is_disabled": False} | changes, "sending_dns_records": rows}


class Account:
    """Answers by path; every request is held to the official description."""

    def __init__(self, **answers):
        self.answers = {
            ("GET", DOMAIN_PATH): (200, domain()),
            ("GET", f"/v3/domains/{DOMAIN}/sending_queues"): (
                200,
                {"regular": {"is_disabled": False}, "scheduled": {"is_disabled": False}},
            ),
            ("GET", "/v5/accounts/limit/custom/monthly"): (200, {"limit": 1000, "current": 10, "period": "1m"}),
            ("GET", "/v5/accounts/http_signing_key"): (200, {"http_signing_key": SIGNING_KEY}),
            ("POST", f"/v3/{DOMAIN}/messages.mime"): (400, {"message": "to parameter is missing"}),
        }

    def set(self, method, path, status, body):
        self.answers[method, path] = (status, body)
        return self

    async def __call__(self, request, writer):
        try:
            official_request(request)
        except jsonschema.ValidationError:
            assert request.path.endswith("/messages.mime")  # a hand-over of nothing is meant to be wrong
        status, body = self.answers.get((request.method, unquote(request.path)), (404, {"message": "Domain not found"}))
        writer.write(http(status, body if isinstance(body, str) else json.dumps(body)))
