"""The simulators' control socket: one JSON object a line each way."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from deploy.sandbox.errors import NotRunningError, SandboxError, UnknownFaultError

Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


async def serve_control(path: Path, answer: Answer) -> asyncio.Server:
    """Listen on the socket and answer each line; a SandboxError becomes {"error": text}."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                try:
                    reply = await answer(json.loads(line))
                except SandboxError as error:
                    reply = {"error": str(error)}
                writer.write(json.dumps(reply).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass  # the asker has gone
        finally:
            writer.close()

    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(talk, path)
    path.chmod(0o600)
    return server


def ask(path: Path, request: dict[str, Any], *, timeout_seconds: float = 10) -> dict[str, Any]:
    """Send one request and return the answer.

    Raises:
        NotRunningError: nobody answers at the socket.
        UnknownFaultError: the simulators refuse the request.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_seconds)
        try:
            connection.connect(str(path))
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as lines:
                line = lines.readline()
        except OSError as error:
            raise NotRunningError(f"No sandbox answers in {path.parent}: {error.strerror or error}.") from error
    if not line:
        raise NotRunningError(f"The sandbox in {path.parent} ended without an answer.")
    reply: dict[str, Any] = json.loads(line)
    if "error" in reply:
        raise UnknownFaultError(reply["error"])
    return reply
