"""A relay that speaks SMTP over real sockets and misbehaves as told, one behaviour per stage."""

import asyncio
import base64
import contextlib
import ssl
from dataclasses import dataclass, field

HANG = "hang"  # no answer, connection open
CLOSE = "close"  # both directions closed
HALF_CLOSE = "half-close"  # our writing direction closed, still reading
DRIP = "drip"  # one byte every 20 ms, never a whole line
PARTIAL = "partial"  # a multi-line reply that never ends, then closed
GARBAGE = "\x00\xff\x16\x03 this is not SMTP"
NOT_TLS = "not TLS at all\r\n" * 20


@dataclass(kw_only=True)
class Relay:
    """What the relay answers. Values of `answers` are replies or one of the words above, by stage name.

    Stages: banner, ehlo, starttls, handshake, ehlo-tls, auth, mail, rcpt, data, end-of-data, rset, quit.
    """

    tls_context: ssl.SSLContext | None = None  # for STARTTLS, or at once when implicit
    implicit: bool = False
    answers: dict[str, str] = field(default_factory=dict)
    ehlo_clear: tuple[str, ...] = ("PIPELINING", "STARTTLS")
    ehlo_tls: tuple[str, ...] = ("SIZE 52428800", "8BITMIME", "AUTH PLAIN LOGIN")
    username: str = "postmaster@mg.example.org"
    password: str = "correct horse"
    messages: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    logins: list[tuple[str, bool]] = field(default_factory=list)  # mechanism, under TLS
    port: int = 0
    address: str = "127.0.0.1"
    peers: list[str] = field(default_factory=list)  # addresses that connections came from
    accepted: list[asyncio.StreamWriter] = field(default_factory=list)
    open_connections: int = 0

    @contextlib.asynccontextmanager
    async def running(self):
        server = await asyncio.start_server(
            self._serve, self.address, 0, limit=2**24, ssl=self.tls_context if self.implicit else None
        )
        self.port = server.sockets[0].getsockname()[1]
        self._tasks = set()
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def verbs(self):
        return [command.split(" ")[0] for command in self.commands]

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self.open_connections += 1
        self.peers.append(writer.get_extra_info("peername")[0])
        self.accepted.append(writer)
        try:
            with contextlib.suppress(EndedError, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await Conversation(self, reader, writer).run()
        finally:
            self.open_connections -= 1
            self._tasks.discard(task)
            writer.transport.abort()


class EndedError(Exception):
    """The relay closes the connection."""


class Conversation:
    """One connection."""

    def __init__(self, relay, reader, writer):
        self.relay, self.reader, self.writer = relay, reader, writer
        self.secure = relay.implicit

    async def run(self):
        await self.answer("banner", "220 relay.example.org ready")
        while line := await self.reader.readline():
            text = line.decode("latin-1").strip()
            self.relay.commands.append(text)
            verb = text.split(" ")[0].lower()
            await getattr(self, f"on_{verb}", self.on_unknown)(text)

    async def send(self, reply):
        self.writer.write(reply.encode("latin-1") + b"\r\n")
        await self.writer.drain()

    async def answer(self, stage, usual):
        """Answer as told, or as usual; return whether that is what the usual answer means."""
        answer = self.relay.answers.get(stage, usual)
        if answer == HANG:
            await self.reader.read()
            raise EndedError
        if answer == CLOSE:
            raise EndedError
        if answer == HALF_CLOSE:
            if self.writer.can_write_eof():  # not under TLS
                self.writer.write_eof()
                await self.reader.read()
            raise EndedError
        if answer == PARTIAL:
            await self.send("250-first line")
            raise EndedError
        while answer == DRIP:
            self.writer.write(b"2")
            await self.writer.drain()
            await asyncio.sleep(0.02)
        await self.send(answer)
        last = answer.split("\r\n")[-1]
        if last.startswith("421"):
            raise EndedError
        return last[:1] == usual[:1]

    async def on_ehlo(self, text):
        words = self.relay.ehlo_tls if self.secure else self.relay.ehlo_clear
        lines = ["relay.example.org", *words]
        usual = "\r\n".join(f"250{' ' if n == len(lines) - 1 else '-'}{line}" for n, line in enumerate(lines))
        await self.answer("ehlo-tls" if self.secure else "ehlo", usual)

    async def on_starttls(self, text):
        if await self.answer("starttls", "220 go ahead"):
            if "handshake" in self.relay.answers:
                await self.reader.read(1)  # what came before the client's hello would be thrown away (RFC 3207)
                await self.answer("handshake", "")
                await self.reader.read()
            await self.writer.start_tls(self.relay.tls_context)
            self.secure = True

    async def on_auth(self, text):
        words = text.split(" ")
        self.relay.logins.append((words[1], self.secure))
        if words[1] == "PLAIN":
            _, user, password = base64.b64decode(words[2]).decode().split("\0")
        elif words[1] == "XOAUTH2":
            user, password = base64.b64decode(words[2]).decode().removeprefix("user=").split("\1auth=Bearer ")
            password = password.rstrip("\1")
        elif words[1] == "CRAM-MD5":
            await self.send("334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+")
            words.append((await self.reader.readline()).decode().strip())
            user, _, password = base64.b64decode(words[-1]).decode().partition(" ")
        else:
            await self.send("334 VXNlcm5hbWU6")
            user = base64.b64decode(await self.reader.readline()).decode()
            await self.send("334 UGFzc3dvcmQ6")
            password = base64.b64decode(await self.reader.readline()).decode()
        good = (user, password) == (self.relay.username, self.relay.password)
        # tells the password back in every form, as no relay should
        told = f"{password} {base64.b64encode(password.encode()).decode()} {words[-1]}"
        await self.answer("auth", "235 logged in" if good else f"535 5.7.8 Bad password: {told}")

    async def on_mail(self, text):
        await self.answer("mail", "250 ok")

    async def on_rcpt(self, text):
        await self.answer("rcpt", "250 ok")

    async def on_data(self, text):
        if await self.answer("data", "354 go on"):
            content = (await self.reader.readuntil(b"\r\n.\r\n"))[:-3]
            if await self.answer("end-of-data", "250 Ok: queued as Zm9vYmFy-1"):
                self.relay.messages.append(content)

    async def on_rset(self, text):
        await self.answer("rset", "250 ok")

    async def on_quit(self, text):
        await self.answer("quit", "221 bye")
        raise EndedError

    async def on_unknown(self, text):
        await self.answer("unknown", "500 what?")
