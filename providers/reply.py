"""An SMTP reply as a value: code, enhanced status code, text (RFC 5321 §4.2, RFC 3463, RFC 2034). Pure."""

import re
from dataclasses import dataclass
from enum import IntEnum

_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:\s+|$)")
_LINE = re.compile(r"([2-5][0-9]{2})(?:[ -](.*))?", re.DOTALL)
_CODES = range(200, 600)
_CONTINUED = re.compile(r"([2-5][0-9]{2})-")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\s]+")
_MESSAGE_ID = (
    re.compile(r"queued (?:as|with id):? <?([^\s<>,;]+)>?", re.IGNORECASE),
    re.compile(r"<([^\s<>@]+@[^\s<>@]+)>"),
    re.compile(r"\bid=<?([^\s<>,;]+)>?", re.IGNORECASE),
    re.compile(r"^(?:ok|accepted|great success)[:,]? +<?([^\s<>]*[0-9][^\s<>]{7,}|[0-9][^\s<>]{7,})>?", re.IGNORECASE),
)


class ReplyClass(IntEnum):
    """First digit of a reply code (RFC 5321 §4.2.1)."""

    POSITIVE = 2
    INTERMEDIATE = 3
    TRANSIENT = 4  # a deferral
    PERMANENT = 5  # a rejection


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a relay answered to one command."""

    code: int  # 200 to 599
    enhanced: str | None = None  # "5.7.1"; relays need not give one
    text: str = ""  # in one line, without the codes

    @property
    def reply_class(self) -> ReplyClass:
        """Return the class that the code's first digit names."""
        return ReplyClass(self.code // 100)

    @property
    def temporary(self) -> bool:
        """Return whether the relay calls its refusal temporary (4yz)."""
        return self.reply_class is ReplyClass.TRANSIENT


def make_reply(code: int, message: str) -> Reply | None:
    """Return the reply with this code and message (lines after the code, newline between), or None for garbage.

    The enhanced code is taken from the first line that has one and removed from every line: relays repeat it
    (RFC 2034 §4). Control characters become spaces, so that a reply can be shown in a terminal.
    """
    if code not in _CODES:
        return None
    enhanced: str | None = None
    parts: list[str] = []
    for line in message.split("\n"):
        found = _ENHANCED.match(line.lstrip())
        if found and enhanced in (None, found[1]):
            enhanced = found[1]
            parts.append(line.lstrip()[found.end() :])
        else:
            parts.append(line)
    return Reply(code=code, enhanced=enhanced, text=one_line(" ".join(parts)))


def one_line(text: str) -> str:
    """Return the text in one line, control characters made blanks, so that it can be shown in a terminal."""
    return _UNPRINTABLE.sub(" ", text).strip()


def parse_reply(text: str) -> Reply | None:
    """Return the reply written as a relay sends it or a log quotes it, "550 5.7.1 No", or None for garbage.

    Further lines, each with the code again, are taken as one multi-line reply; the last line's code counts.
    Postfix logs such a reply in one line, with blanks for line ends: "550-5.7.1 No 550 5.7.1 way".
    """
    code = 0
    lines: list[str] = []
    text = text.strip()
    if first := _CONTINUED.match(text):
        text = re.sub(rf"\s+(?={first[1]}[ -])", "\n", text)
    for line in text.split("\n"):
        found = _LINE.fullmatch(line.strip())
        if found is None:
            return None
        code = int(found[1])
        lines.append(found[2] or "")
    return make_reply(code, "\n".join(lines))


def provider_message_id(text: str) -> str | None:
    """Return the id that a relay names when it accepts a message ("Ok: queued as ID"), without brackets."""
    return next((found[1] for pattern in _MESSAGE_ID if (found := pattern.search(text))), None)
