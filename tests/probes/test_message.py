from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from probes.errors import ProbeMessageError
from probes.message import PROBE_HEADER, build_probe

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
TOKEN = "abcdefghijklmnop-abcdefghijklmnop"


def build(**changes: object):
    settings: dict[str, object] = {
        "sender": "probe@sender.test",
        "recipient": "s1@seed.test",
        "token": TOKEN,
        "round_id": "r1",
        "now": NOW,
    }
    return build_probe(**(settings | changes))


def test_the_token_is_in_four_places() -> None:
    parsed = message_from_bytes(build().content, policy=policy.default)
    assert TOKEN in parsed["Subject"]
    assert parsed[PROBE_HEADER] == TOKEN
    assert parsed["Message-ID"] == f"<{TOKEN}@sender.test>"
    assert TOKEN in parsed.get_content()
    assert parsed["Date"].datetime == NOW
    assert not parsed.defects


@pytest.mark.parametrize("round_id", ["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8"])
def test_every_line_is_short_ascii_and_ends_in_crlf(round_id: str) -> None:
    content = build(round_id=round_id).content
    lines = content.split(b"\r\n")
    assert lines[-1] == b""
    assert b"\n" not in b"".join(lines)
    assert max(map(len, lines)) <= 998
    assert not any(line.startswith(b".") for line in lines)
    assert content.isascii()


def test_rounds_vary_and_one_round_does_not() -> None:
    assert build().content == build().content
    assert len({build(round_id=f"r{n}").content for n in range(40)}) > 1


@pytest.mark.parametrize("address", ["a@b\r\nBcc: c@d", "a", "a@b@c", "ä@b.test", "<a@b>", ""])
def test_an_address_that_could_change_the_header_is_refused(address: str) -> None:
    with pytest.raises(ProbeMessageError, match="the sender address"):
        build(sender=address)
    with pytest.raises(ProbeMessageError, match="the recipient address"):
        build(recipient=address)
