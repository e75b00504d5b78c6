"""A name server on loopback for the sandbox's own domains, so that what is published can be looked up for real."""

import asyncio
from collections.abc import Mapping, Sequence

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from deploy.sandbox.people import RECEIVERS, SENDING_DOMAIN

Zone = Mapping[tuple[str, str], Sequence[str]]  # (name, type) → values as in a zone file
_TTL_SECONDS = 5
_SENDGRID = "u4711.wl.sendgrid.net."


def sandbox_zone() -> Zone:
    """Return what the sending domain's owner has published: all that its relays ask for, and where receivers are."""
    zone = {
        (SENDING_DOMAIN, "TXT"): ['"v=spf1 include:mailgun.org include:sendgrid.net include:relay.acme.test ~all"'],
        (f"_dmarc.{SENDING_DOMAIN}", "TXT"): [f'"v=DMARC1; p=quarantine; rua=mailto:postmaster@{SENDING_DOMAIN}"'],
        (f"mx._domainkey.{SENDING_DOMAIN}", "TXT"): ['"k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC"'],
        (f"em4711.{SENDING_DOMAIN}", "CNAME"): [_SENDGRID],
        (f"s1._domainkey.{SENDING_DOMAIN}", "CNAME"): [f"s1.domainkey.{_SENDGRID}"],
        (f"s2._domainkey.{SENDING_DOMAIN}", "CNAME"): [f"s2.domainkey.{_SENDGRID}"],
        (f"email.{SENDING_DOMAIN}", "CNAME"): ["mailgun.org."],
    }
    for receiver in RECEIVERS.values():
        zone[(receiver.domain, "MX")] = [f"10 {receiver.exchange}."]
    return zone


class NameServer(asyncio.DatagramProtocol):
    """Answers from one zone over UDP; silent while told to be."""

    def __init__(self, zone: Zone, port: int) -> None:
        self.port = port
        self.silent = False
        self._zone = zone
        self._names = {name for name, _ in zone}
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        """Start listening on 127.0.0.1."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", self.port))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question."""
        if self.silent or self._transport is None:
            return
        try:
            question = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return
        if question.question:
            self._transport.sendto(self._answer(question).to_wire(), addr)

    def _answer(self, question: dns.message.Message) -> dns.message.Message:
        asked = question.question[0]
        name, kind = asked.name.to_text().rstrip(".").lower(), dns.rdatatype.to_text(asked.rdtype)
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA | dns.flags.AA
        values = self._zone.get((name, kind))
        if values:
            answer.answer.append(dns.rrset.from_text_list(asked.name, _TTL_SECONDS, "IN", kind, list(values)))
        elif name not in self._names:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer
