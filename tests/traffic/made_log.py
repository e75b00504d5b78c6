"""Logs as Postfix writes them, made from a seed: the same seed gives the same bytes."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 22, 0, 0, 3, tzinfo=UTC)
RELAYS = (
    ("smtp.mailgun.org", "34.160.157.95", 587),
    ("smtp.sendgrid.net", "18.156.230.142", 587),
    ("smarthost.example.net", "192.0.2.25", 25),
)
DOMAINS = ("gmail.com", "gmail.com", "outlook.com", "yahoo.co.uk", "example.net", "firma.example", "Hotmail.FR")
TEMPORARY = (
    ("4.7.1", "said: 451 4.7.1 <{to}>: Recipient address rejected: Greylisted, see id {token} (in reply to RCPT TO)"),
    (
        "4.7.28",
        "said: 421-4.7.28 Our system has detected an unusual rate 421 4.7.28 {token} - gsmtp "
        "(in reply to end of DATA command)",
    ),
    ("4.3.2", "refused to talk to me: 421 4.3.2 Service not available, {token}"),
)
PERMANENT = (
    ("5.1.1", "said: 550 5.1.1 <{to}>: Recipient address rejected: User unknown {token} (in reply to RCPT TO command)"),
    ("5.7.1", "said: 550 5.7.1 Message blocked as spam, {token} (in reply to end of DATA command)"),
)


@dataclass(frozen=True)
class Format:
    """How one version of Postfix, and the system log around it, write."""

    stamp: str  # "3164", "3339", "iso" (journalctl -o short-iso)
    long_ids: bool = False
    tls: bool = False
    name: str = "postfix"


POSTFIX_2_11 = Format("3164")
POSTFIX_3_4 = Format("3164", long_ids=True, name="postfix-out")
POSTFIX_3_7 = Format("3339", long_ids=True)
POSTFIX_3_11 = Format("3339", long_ids=True, tls=True)
JOURNAL = Format("iso")
FORMATS = {
    "2.11": POSTFIX_2_11,
    "3.4": POSTFIX_3_4,
    "3.7": POSTFIX_3_7,
    "3.11": POSTFIX_3_11,
    "journal": JOURNAL,
}


def made_log(form: Format, *, seed: int, messages: int, seconds_apart: float = 3.0) -> Iterator[str]:
    """Yield the lines of a log, without line ends."""
    writer = _Writer(form, random.Random(seed))
    for number in range(messages):
        writer.at = START + timedelta(seconds=number * seconds_apart)
        yield from writer.message()


class _Writer:
    def __init__(self, form: Format, chance: random.Random) -> None:
        self.form = form
        self.chance = chance
        self.at = START

    def line(self, program: str, text: str, pid: int) -> str:
        at = self.at
        match self.form.stamp:
            case "3164":
                stamp = f"{at:%b} {at.day:2d} {at:%H:%M:%S}"
            case "3339":
                stamp = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}+00:00"
            case _:
                stamp = f"{at:%Y-%m-%dT%H:%M:%S}+0000"
        return f"{stamp} mx1 {self.form.name}/{program}[{pid}]: {text}"

    def queue_id(self) -> str:
        if self.form.long_ids:
            return "4" + "".join(self.chance.choices("BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789", k=13))
        return f"{self.chance.getrandbits(44):011X}"

    def message(self) -> Iterator[str]:
        chance, qid = self.chance, self.queue_id()
        incoming, pid = chance.randrange(1000, 1040), chance.randrange(2000, 2040)
        sender = f"user{chance.randrange(500)}@example.org"
        yield self.line("smtpd", "connect from web1.example.org[192.0.2.80]", incoming)
        yield self.line("smtpd", f"{qid}: client=web1.example.org[192.0.2.80]", incoming)
        yield self.line("cleanup", f"{qid}: message-id=<{chance.getrandbits(64):x}@example.org>", incoming + 100)
        yield self.line(
            "qmgr", f"{qid}: from=<{sender}>, size={chance.randrange(900, 90000)}, nrcpt=1 (queue active)", 901
        )
        yield self.line(
            "smtpd",
            "disconnect from web1.example.org[192.0.2.80] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5",
            incoming,
        )
        yield from self.fate(qid, pid, f"u{chance.randrange(9000)}@{chance.choice(DOMAINS)}")

    def fate(self, qid: str, pid: int, to: str) -> Iterator[str]:
        chance = self.chance
        draw = chance.random()
        token = f"{chance.getrandbits(60):015x}.{chance.randrange(10000)}"
        host, address, port = chance.choices(RELAYS, (6, 3, 1))[0]
        server = f"{host}[{address}]"
        removed = self.line("qmgr", f"{qid}: removed", 901)
        if draw < 0.84:
            if draw < 0.05:  # the first one failed
                yield self.line(
                    "smtp",
                    f"{qid}: host first.example.com[198.51.100.7] said: 450 4.7.1 later {token} "
                    "(in reply to MAIL FROM command)",
                    pid,
                )
            elif draw < 0.07:
                yield self.line("smtp", "connect to first.example.com[198.51.100.7]:587: Connection timed out", pid)
            elif draw < 0.3:
                yield self.line(
                    "smtp",
                    f"Trusted TLS connection established to {server}:{port}: TLSv1.3 with cipher "
                    "TLS_AES_256_GCM_SHA384 (256/256 bits)",
                    pid,
                )
            yield self.row("smtp", qid, pid, to, f"{server}:{port}", "2.0.0", f"sent (250 2.0.0 OK queued as {token})")
            yield removed
        elif draw < 0.90:
            dsn, said = chance.choice(TEMPORARY)
            yield self.row(
                "smtp",
                qid,
                pid,
                to,
                f"{server}:{port}",
                dsn,
                f"deferred (host {server} {said.format(to=to, token=token)})",
            )
        elif draw < 0.92:
            yield self.line("smtp", f"connect to {server}:{port}: Connection timed out", pid)
            yield self.row(
                "smtp", qid, pid, to, "none", "4.4.1", f"deferred (connect to {server}:{port}: Connection timed out)"
            )
        elif draw < 0.94:
            yield self.row(
                "error",
                qid,
                3001,
                to,
                "none",
                "4.4.1",
                f"deferred (delivery temporarily suspended: connect to {server}:{port}: Connection timed out)",
            )
        elif draw < 0.97:
            dsn, said = chance.choice(PERMANENT)
            yield self.row(
                "smtp",
                qid,
                pid,
                to,
                f"{server}:{port}",
                dsn,
                f"bounced (host {server} {said.format(to=to, token=token)})",
            )
            yield self.line("bounce", f"{qid}: sender non-delivery notification: {self.queue_id()}", 3100)
            yield removed
        elif draw < 0.98:
            yield self.line("qmgr", f"{qid}: from=<user@example.org>, status=expired, returned to sender", 901)
            yield removed
        elif draw < 0.99:
            yield self.row(
                "lmtp",
                qid,
                pid,
                to,
                "mx1.example.org[private/dovecot-lmtp]",
                "2.0.0",
                "sent (250 2.0.0 <x@example.org> Saved)",
            )
            yield removed
        else:
            yield self.row("local", qid, pid, to, "local", "2.0.0", f"sent (forwarded as {self.queue_id()})")
            yield removed

    def row(self, agent: str, qid: str, pid: int, to: str, relay: str, dsn: str, status: str) -> str:
        chance = self.chance
        c, d = chance.choice((0, 0.04, 0.11, 0.25, 1.2)), round(chance.lognormvariate(-1, 1), 2)
        reuse = ", conn_use=2" if c == 0 and agent == "smtp" else ""
        tls = (
            f", tls={chance.choice(('none', 'may', 'may:none', 'encrypt'))}"
            if self.form.tls and agent == "smtp"
            else ""
        )
        total = round(0.03 + c + d, 2)
        return self.line(
            agent,
            f"{qid}: to=<{to}>, relay={relay}{reuse}, delay={total:g}, delays=0.02/0.01/{c:g}/{d:g}{tls}, "
            f"dsn={dsn}, status={status}",
            pid,
        )
