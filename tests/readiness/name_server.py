"""A real name server on loopback, over UDP, with the records written down here."""

import socket
import threading
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset


class NameServer:
    """Answers from `records`, {(name, type): [text, ...]}; not for names in `silent`, with SERVFAIL for `broken`."""

    def __init__(self, records, silent=(), broken=()):
        self.records = {(name.lower(), kind): values for (name, kind), values in records.items()}
        self.silent, self.broken = set(silent), set(broken)
        self.asked = []

    @contextmanager
    def running(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(0.1)
            self.address = sock.getsockname()
            stop = threading.Event()
            thread = threading.Thread(target=self._serve, args=(sock, stop))
            thread.start()
            try:
                yield self
            finally:
                stop.set()
                thread.join()

    def _serve(self, sock, stop):
        while not stop.is_set():
            try:
                wire, peer = sock.recvfrom(4096)
            except TimeoutError:
                continue
            answer = self._answer(dns.message.from_wire(wire))
            if answer is not None:
                sock.sendto(answer.to_wire(), peer)

    def _answer(self, query):
        question = query.question[0]
        name, kind = question.name.to_text().rstrip(".").lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.silent:
            return None
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if name in self.broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif values := self.records.get((name, kind)):
            answer.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, values))
        elif not any(known == name for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer
