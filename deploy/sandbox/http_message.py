"""HTTP requests and responses as values, and the two ways a form is written (RFC 7578, WHATWG URL)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

JSON = "application/json"
_NAME = re.compile(rb'content-disposition:[^\r\n]*;\s*name="([^"]*)"', re.IGNORECASE)


class BadRequestError(Exception):
    """The request cannot be understood; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        """Return the path, decoded."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, list[str]]:
        """Return the query's values by name."""
        return _by_name(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def asked(self, name: str, default: str = "") -> str:
        """Return the last value of one query parameter."""
        return self.query.get(name, [default])[-1]

    def json(self) -> Any:
        """Return the body's JSON value.

        Raises:
            BadRequestError: it is none.
        """
        try:
            return json.loads(self.body)
        except ValueError:
            raise BadRequestError("the body is not valid JSON") from None

    def form(self) -> dict[str, list[bytes]]:
        """Return the fields of a form, multipart or urlencoded.

        Raises:
            BadRequestError: it is neither.
        """
        kind = self.headers.get("content-type", "")
        if kind.startswith("application/x-www-form-urlencoded"):
            pairs = parse_qsl(self.body.decode("ascii", "replace"), keep_blank_values=True)
            return {name: [v.encode() for v in values] for name, values in _by_name(pairs).items()}
        boundary = re.search(r'boundary="?([^";]+)', kind)
        if not kind.startswith("multipart/form-data") or boundary is None:
            raise BadRequestError("the body is not a form")
        fields: dict[str, list[bytes]] = {}
        for part in (b"\r\n" + self.body).split(b"\r\n--" + boundary[1].encode())[1:]:
            head, separator, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            name = _NAME.search(head)
            if separator and name:
                fields.setdefault(name[1].decode(), []).append(value)
        return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_response(status: int, value: object, **headers: str) -> Response:
    """Return an answer with a JSON body; `X_Message_Id=` becomes the header X-Message-Id."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(status=status, body=json.dumps(value).encode(), headers={"Content-Type": JSON, **named})


def text_response(status: int, text: str) -> Response:
    """Return an answer in plain text."""
    return Response(status=status, body=text.encode(), headers={"Content-Type": "text/plain; charset=utf-8"})


def _by_name(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
