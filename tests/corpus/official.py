"""Holds requests and answers to the providers' official OpenAPI descriptions, read as JSON Schema 2020-12."""

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

HERE = Path(__file__).parent
METHODS = ("get", "put", "post", "delete", "patch")
NOT_HEADERS = {
    "accept",
    "content-type",
    "authorization",
}  # OpenAPI 3.1 §4.8.12.1: parameters of these names mean nothing


class Description:
    """One provider's description."""

    def __init__(self, provider: str) -> None:
        self.document = relaxed(json.loads((HERE / provider / "openapi.json").read_text()))
        self._registry = Registry().with_resource("urn:official", DRAFT202012.create_resource(self.document))
        self._paths = sorted(
            ((re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path) for path in self.document["paths"]),
            key=lambda pair: pair[1].count("{"),
        )

    def has(self, method: str, target: str) -> bool:
        """Return whether this call is described."""
        return self._operation(method, target) is not None

    def answer_faults(self, method: str, target: str, status: int, kind: str, body: bytes) -> list[str]:
        """Return what is wrong with an answer; ["undescribed"] for a call or a status that the description lacks."""
        pointer = self._operation(method, target)
        if pointer is None:
            return ["undescribed"]
        answers = self._at([*pointer, "responses"])
        chosen = str(status) if str(status) in answers else "default" if "default" in answers else None
        if chosen is None:
            return ["undescribed"]
        where = self._resolved([*pointer, "responses", chosen])
        content = self._at(where).get("content")
        if not content:
            return ["a body where there is none"] if body else []
        media = kind.partition(";")[0]
        if media == "text/plain":  # the description shows Mailgun's bare "Forbidden" as a JSON string
            media, body = "application/json", json.dumps(body.decode()).encode()
        if media not in content:
            return [f"{media} instead of {', '.join(content)}"]
        return self._faults([*where, "content", media, "schema"], json.loads(body))

    def request_faults(self, method: str, target: str, headers: dict[str, str], body: bytes, form: dict) -> list[str]:
        """Return what is wrong with a request; `form` has the fields of a form by name, each a list."""
        pointer = self._operation(method, target)
        if pointer is None:
            return [f"{method} {urlsplit(target).path} is not described"]
        return [*self._parameter_faults(pointer, target, headers), *self._body_faults(pointer, headers, body, form)]

    def _parameter_faults(self, pointer: list[str], target: str, headers: dict[str, str]) -> list[str]:
        query = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))
        faults = []
        given = [pointer, pointer[:-1]]
        known = set()
        for level in given:
            for number in range(len(self._at(level).get("parameters", []))):
                where = self._resolved([*level, "parameters", str(number)])
                parameter = self._at(where)
                name = parameter["name"]
                known.add(name)
                values = {"query": query, "header": headers}.get(parameter["in"], {})
                if parameter["in"] == "path" or name.lower() in NOT_HEADERS:
                    continue
                if name not in values:
                    faults += [f"parameter {name} is missing"] if parameter.get("required") else []
                    continue
                value = values[name]
                schema = self._resolved([*where, "schema"])
                if self._at(schema).get("type") in {"integer", "number"} and re.fullmatch(r"-?\d+(\.\d+)?", value):
                    value = json.loads(value)
                if self._at(schema).get("type") == "boolean" and value in {"true", "false"}:
                    value = value == "true"
                if self._at(schema).get("type") == "array":
                    value = [v for n, v in parse_qsl(urlsplit(target).query) if n == name]
                faults += [f"parameter {name}: {fault}" for fault in self._faults(schema, value)]
        return faults + [f"parameter {name} is not described" for name in query if name not in known]

    def _body_faults(self, pointer: list[str], headers: dict[str, str], body: bytes, form: dict) -> list[str]:
        if "requestBody" not in self._at(pointer):
            return ["a body where there is none"] if body else []
        where = self._resolved([*pointer, "requestBody"])
        if not body:
            return ["the body is missing"] if self._at(where).get("required") else []
        media = headers.get("content-type", "").partition(";")[0]
        content = self._at(where)["content"]
        if media not in content:
            return [f"{media} instead of {', '.join(content)}"]
        schema = self._resolved([*where, "content", media, "schema"])
        if media == "application/json":
            return self._faults(schema, json.loads(body))
        fields = self._at(schema).get("properties", {})
        arrays = {name for name in fields if self._at(self._resolved([*schema, "properties", name]))["type"] == "array"}
        value = {
            name: [v.decode("latin-1") for v in values] if name in arrays else values[-1].decode("latin-1")
            for name, values in form.items()
        }
        return self._faults(schema, value)

    def _operation(self, method: str, target: str) -> list[str] | None:
        path = unquote(urlsplit(target).path)
        for pattern, template in self._paths:
            if pattern.fullmatch(path) and method.lower() in self.document["paths"][template]:
                return ["paths", template, method.lower()]
        return None

    def _at(self, pointer: list[str]):
        value = self.document
        for key in pointer:
            value = value[int(key)] if isinstance(value, list) else value[key]
        return value

    def _resolved(self, pointer: list[str]) -> list[str]:
        value = self._at(pointer)
        while "$ref" in value:
            pointer = [unescaped(key) for key in value["$ref"].removeprefix("#/").split("/")]
            value = self._at(pointer)
        return pointer

    def _faults(self, pointer: list[str], value: object) -> list[str]:
        reference = "urn:official#/" + "/".join(key.replace("~", "~0").replace("/", "~1") for key in pointer)
        validator = Draft202012Validator(
            {"$ref": reference.replace("{", "%7B").replace("}", "%7D")}, registry=self._registry
        )
        return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]


@cache
def official(provider: str) -> Description:
    """Return a provider's description, read once."""
    return Description(provider)


def relaxed(document: dict) -> dict:
    """Return the description with what its authors mean where it says something else.

    - `nullable: true` is OpenAPI 3.0 and means nothing in 3.1: null is allowed (the examples beside it have null).
    - Mailgun's lists of suppressions "require" query parameters that their own texts call optional.
    - Mailgun's dates in these lists are "objects" (of its programming language); the examples beside it have strings.
    """
    for name, schema in document["components"]["schemas"].items():
        for part in (schema, *schema.get("properties", {}).values()):
            if "RFC822Time" in name or "RFC822Time" in json.dumps(part.get("allOf", [])):
                part["type"] = "string"
    for item in document["paths"].values():
        for method in METHODS:
            for parameter in item.get(method, {}).get("parameters", []):
                if parameter.get("in") == "query" and parameter["name"] in {"limit", "page", "term", "address"}:
                    parameter["required"] = False
    return _nullable(document)


def _nullable(part):
    if isinstance(part, list):
        return [_nullable(item) for item in part]
    if not isinstance(part, dict):
        return part
    part = {key: _nullable(value) for key, value in part.items()}
    if part.get("nullable") is True and isinstance(part.get("type"), str):
        part["type"] = [part["type"], "null"]
    return part


def unescaped(key: str) -> str:
    """Return one token of a JSON pointer."""
    return unquote(key).replace("~1", "/").replace("~0", "~")
