"""Postfix's words for a failed delivery: which server, at which stage, and why. Pure.

Everything after `said: ` is the relay's own text; Postfix's words are matched at the start and the
`(in reply to …)` at the very end only.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from providers.classify import classify_reply
from providers.failure import Category, Failure, Stage
from providers.reply import Reply, parse_reply
from providers.text_rules import TextRule

_SERVER = r"(?P<host>[^\s\[\]]+)\[(?P<address>[^\[\]]*)\](?::(?P<port>\d{1,5}))?"
_SAID = re.compile(rf"host {_SERVER} said: (?P<text>.*)", re.DOTALL)
_IN_REPLY_TO = re.compile(r"(?P<text>.*) \(in reply to (?P<command>[A-Za-z ]{1,40})\)", re.DOTALL)
_REFUSED = re.compile(rf"host {_SERVER} refused to talk to me: (?P<text>.*)", re.DOTALL)
_SASL_SAID = re.compile(rf"SASL authentication failed; server {_SERVER} said: (?P<text>.*)", re.DOTALL)
_SASL_IMPOSSIBLE = re.compile(rf"SASL authentication failed; cannot authenticate to server {_SERVER}: ")
_CONNECT = re.compile(rf"connect to {_SERVER}: (?P<text>.*)", re.DOTALL)
_LOST = re.compile(rf"lost connection with {_SERVER} while (?P<text>.*)", re.DOTALL)
_TIMED_OUT = re.compile(rf"conversation with {_SERVER} timed out while (?P<text>.*)", re.DOTALL)
_NO_TLS = re.compile(rf"TLS is required, but was not offered by host {_SERVER}")
_TLS = re.compile(r"TLS is required, but |Cannot start TLS: |Server certificate not (?:trusted|verified)")
_NO_NAME = re.compile(r"(?:Host or domain name not found\. )?Name service error for name=(?P<host>[^\s,]+)")
_TOO_LARGE = re.compile(rf"message size \d+ exceeds size limit \d+ of server {_SERVER}")

# As smtp_proto.c names what it is doing, and `in reply to` the command.
_STAGES = (
    ("receiving the initial", Stage.BANNER),
    ("performing the EHLO", Stage.EHLO),
    ("performing the HELO", Stage.EHLO),
    ("EHLO command", Stage.EHLO),
    ("HELO command", Stage.EHLO),
    ("receiving the STARTTLS", Stage.TLS),
    ("STARTTLS command", Stage.TLS),
    ("AUTH command", Stage.AUTH),
    ("sending MAIL FROM", Stage.MAIL),
    ("MAIL FROM command", Stage.MAIL),
    ("sending RCPT TO", Stage.RCPT),
    ("RCPT TO command", Stage.RCPT),
    ("sending DATA command", Stage.DATA),
    ("DATA command", Stage.DATA),
    ("sending message body", Stage.DATA),
    ("sending end of data", Stage.END_OF_DATA),
    ("end of DATA command", Stage.END_OF_DATA),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One failure as Postfix tells it."""

    host: str | None  # lower case; none where Postfix names no server
    address: str | None
    port: int | None
    stage: Stage
    text: str
    reply: Reply | None = None  # what the relay said, if it said anything
    category: Category = Category.UNKNOWN  # what Postfix's own words mean where the relay said nothing
    rule: str = "log-unknown"
    temporary: bool = True

    def classify(self, *, now: datetime, rules: Sequence[TextRule] = ()) -> Failure:
        """Return the failure; `rules` is the provider's own table."""
        if self.reply is not None:
            return classify_reply(self.reply, self.stage, now=now, rules=rules)
        return Failure(category=self.category, stage=self.stage, temporary=self.temporary, rule=self.rule)


def read_reason(text: str, *, dsn: str | None = None) -> Reason:
    """Return what this text says; `dsn` tells whether an unknown failure is temporary."""
    if found := _SAID.match(text):
        said, stage = found["text"], Stage.END_OF_DATA
        if reply_to := _IN_REPLY_TO.fullmatch(said):
            said, stage = reply_to["text"], _stage(reply_to["command"], Stage.END_OF_DATA)
        return _reason(found, stage, said, reply=parse_reply(said))
    if found := _REFUSED.match(text):
        return _reason(found, Stage.BANNER, found["text"], reply=parse_reply(found["text"]))
    if found := _SASL_SAID.match(text):
        reply = parse_reply(found["text"])
        return _reason(found, Stage.AUTH, found["text"], reply=reply, category=Category.AUTH, rule="log-sasl")
    if found := _SASL_IMPOSSIBLE.match(text):
        return _reason(found, Stage.AUTH, text, category=Category.CONFIG, rule="log-sasl-mechanism")
    if found := _CONNECT.match(text):
        return _reason(found, Stage.CONNECT, text, category=Category.NETWORK, rule="log-connect")
    if found := _LOST.match(text):
        stage = _stage(found["text"], Stage.BANNER)
        return _reason(found, stage, text, category=Category.NETWORK, rule="log-connection-lost")
    if found := _TIMED_OUT.match(text):
        stage = _stage(found["text"], Stage.BANNER)
        return _reason(found, stage, text, category=Category.NETWORK, rule="log-time-out")
    if found := _TOO_LARGE.match(text):
        return _reason(found, Stage.MAIL, text, category=Category.SIZE, rule="log-size", temporary=False)
    if found := _NO_TLS.match(text):
        return _reason(found, Stage.TLS, text, category=Category.TLS, rule="log-tls-not-offered")
    if _TLS.match(text):
        return _reason(None, Stage.TLS, text, category=Category.TLS, rule="log-tls")
    if found := _NO_NAME.match(text):
        host = found["host"].lower()
        return Reason(
            host=host, address=None, port=None, stage=Stage.DNS, text=text, category=Category.NETWORK, rule="log-dns"
        )
    return _reason(None, Stage.END_OF_DATA, text, temporary=not (dsn or "4").startswith("5"))


def _reason(
    found: re.Match[str] | None,
    stage: Stage,
    text: str,
    *,
    reply: Reply | None = None,
    category: Category = Category.UNKNOWN,
    rule: str = "log-unknown",
    temporary: bool = True,
) -> Reason:
    return Reason(
        host=found["host"].lower() if found else None,
        address=found["address"] if found else None,
        port=int(found["port"]) if found and found["port"] else None,
        stage=stage,
        text=text,
        reply=reply,
        category=category,
        rule=rule,
        temporary=temporary,
    )


def _stage(text: str, otherwise: Stage) -> Stage:
    return next((stage for words, stage in _STAGES if text.startswith(words)), otherwise)
