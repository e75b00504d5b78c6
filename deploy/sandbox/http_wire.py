"""HTTP/1.1 on asyncio streams (RFC 9112): read a request, write an answer, and post one body."""

import asyncio
import gzip
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from deploy.sandbox.http_message import BadRequestError, Request, Response

BIGGEST_BODY = 64 * 2**20  # bytes; a provider's own limit is smaller
_MOST_HEADERS = 100


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Return the next request; None when the client has left.

    Raises:
        BadRequestError: this is not HTTP, or too large.
    """
    try:
        line = (await reader.readuntil(b"\r\n")).decode("ascii", "replace").split()
        headers = await _headers(reader)
        body = await _body(reader, headers)
    except asyncio.LimitOverrunError:
        raise BadRequestError("a line is too long") from None
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    if not line or line[-1] not in {"HTTP/1.1", "HTTP/1.0"} or line[1:-1] != line[1:2]:
        raise BadRequestError("the request line is malformed")
    if headers.get("content-encoding") == "gzip":
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError):
            raise BadRequestError("the body is not gzip") from None
    return Request(method=line[0].upper(), target=line[1], headers=headers, body=body)


async def write_response(writer: asyncio.StreamWriter, response: Response, *, head_only: bool = False) -> None:
    """Send an answer."""
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = "Enhance Your Calm"  # Mailgun's 420 is in no standard
    headers = {**response.headers, "Content-Length": str(len(response.body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"HTTP/1.1 {response.status} {phrase}\r\n{head}\r\n".encode() + (b"" if head_only else response.body))
    await writer.drain()


async def post(url: str, body: bytes, headers: Mapping[str, str], context: ssl.SSLContext | None) -> int:
    """Post a body and return the status of the answer.

    Raises:
        OSError: nobody answered in HTTP.
    """
    parts = urlsplit(url)
    tls = (context or ssl.create_default_context()) if parts.scheme == "https" else None
    port = parts.port or (443 if tls else 80)
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fields = {"Host": parts.netloc, **headers, "Content-Length": str(len(body)), "Connection": "close"}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"POST {target} HTTP/1.1\r\n{head}\r\n".encode() + body)
        await writer.drain()
        status = (await reader.readline()).split()
        await reader.read(2**16)
        return int(status[1])
    except (IndexError, ValueError):
        raise OSError(f"{url} did not answer in HTTP") from None
    finally:
        writer.close()


async def _headers(reader: asyncio.StreamReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
        if len(headers) > _MOST_HEADERS:
            raise BadRequestError("there are too many headers")
    return headers


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    try:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return await reader.readexactly(_bounded(int(headers.get("content-length", "0"))))
        chunks: list[bytes] = []
        total = 0
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            total = _bounded(total + size)
            chunks.append((await reader.readexactly(size + 2))[:-2])
    except ValueError:
        raise BadRequestError("the length of the body is not a number") from None
    await _headers(reader)  # trailers
    return b"".join(chunks)


def _bounded(size: int) -> int:
    if not 0 <= size <= BIGGEST_BODY:
        raise BadRequestError("the body is too large")
    return size
