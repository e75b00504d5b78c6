"""A token endpoint (RFC 6749) on loopback that answers as told and counts."""

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qsl


@dataclass(kw_only=True)
class TokenServer:
    token: str = "ya29.first-token"
    expires_in: object = 3600
    refresh_token: str | None = None  # a new one, given with each token
    status: int = 200
    body: dict | str | None = None  # instead of a token
    hang: bool = False
    forms: list[dict] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    port: int = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/token"

    @contextlib.asynccontextmanager
    async def running(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader, writer):
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        finally:
            self.at_once -= 1
            writer.close()

    async def _answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        assert head.startswith("post /token http/1.1")
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        self.forms.append(dict(parse_qsl((await reader.readexactly(length)).decode())))
        if self.hang:
            await reader.read()
            return
        await asyncio.sleep(0.02)  # time for others to come
        told = {"access_token": self.token, "token_type": "Bearer", "expires_in": self.expires_in}
        told |= {"refresh_token": self.refresh_token} if self.refresh_token else {}
        body = told if self.body is None else self.body
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        head = f"HTTP/1.1 {self.status} X\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n"
        writer.write(head.encode() + text)
        await writer.drain()
