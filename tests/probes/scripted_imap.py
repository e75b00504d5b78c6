"""A small IMAP server that misbehaves where it is told to: hangs, cuts, drips, or plays Gmail."""

import contextlib
import re
import socket
import threading
from dataclasses import dataclass, field

_COMMAND = re.compile(rb"(\S+) (UID )?(\S+) ?(.*)\r\n")


@dataclass
class ScriptedImap:
    messages: dict[int, bytes] = field(default_factory=dict)  # INBOX
    capabilities: str = "IMAP4rev1 UIDPLUS"
    uidnext: bool = True
    hang_in: str | None = None  # command in whose answer it stops for ever
    cut_in: str | None = None  # command in whose answer it closes the connection, once
    drip_in: str | None = None  # command that it answers byte by byte, without end
    refuse: str | None = None  # folder it does not open
    tabs: dict[str, list[int]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    def __enter__(self) -> "ScriptedImap":
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._stop = threading.Event()
        self._clients: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for client in self._clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            client.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self._clients.append(client)
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        try:
            client.sendall(b"* OK ready\r\n")
            with client.makefile("rb") as lines:
                for line in lines:
                    if not self._answer(client, line):
                        break
            client.close()
        except OSError:
            pass

    def _answer(self, client: socket.socket, line: bytes) -> bool:
        tag, _, verb, rest = _COMMAND.fullmatch(line).groups()
        command = verb.decode().upper()
        self.seen.append(line.decode().strip().partition(" ")[2])
        if self.drip_in == command:
            while not self._stop.wait(0.05):
                client.sendall(b"*")
            return False
        lines = self._lines(command, rest.decode())
        answer = b"".join(lines)
        if self.hang_in == command:
            client.sendall(answer[: len(answer) // 2])
            self._stop.wait()
            return False
        if self.cut_in == command:
            self.cut_in = None
            client.sendall(answer[: len(answer) // 2])
            return False
        if self.refuse is not None and command == "EXAMINE" and self.refuse in rest.decode():
            client.sendall(tag + b" NO not yours\r\n")
            return True
        client.sendall(answer + tag + b" OK done\r\n")
        return command != "LOGOUT"

    def _lines(self, command: str, rest: str) -> list[bytes]:
        match command:
            case "CAPABILITY":
                return [f"* CAPABILITY {self.capabilities}\r\n".encode()]
            case "LIST":
                return [b'* LIST () "/" INBOX\r\n', b'* LIST (\\Junk) "/" Junk\r\n', b'* LIST () "/" Private\r\n']
            case "EXAMINE":
                uids = self.messages if rest.strip('"') == "INBOX" else {}
                lines = [f"* {len(uids)} EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n".encode()]
                if self.uidnext:
                    lines.append(f"* OK [UIDNEXT {max(uids, default=0) + 1}] ok\r\n".encode())
                return lines
            case "FETCH":
                return [
                    self._row(number, uid, rest)
                    for number, uid in enumerate(self.messages, 1)
                    if self._named(uid, rest)
                ]
            case "SEARCH":
                tab = re.search(r"category:(\w+)", rest)
                found = self.tabs.get(tab[1], []) if tab else list(self.messages)
                return [f"* SEARCH {' '.join(map(str, found))}\r\n".encode()]
            case "LOGOUT":
                return [b"* BYE\r\n"]
        return []

    def _named(self, uid: int, rest: str) -> bool:
        return str(uid) in rest.partition(" ")[0].split(",")

    def _row(self, number: int, uid: int, rest: str) -> bytes:
        head = self.messages[uid].partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        date = b'INTERNALDATE "23-Nov-2026 12:00:00 +0000"'
        if "HEADER" not in rest:
            return b"* %d FETCH (UID %d %s)\r\n" % (number, uid, date)
        return b"* %d FETCH (UID %d %s BODY[HEADER] {%d}\r\n%s)\r\n" % (number, uid, date, len(head), head)
