from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.headers import Authentication, authentication, parse_headers, received_at
from probes.observation import Outcome

RECEIVED = "Received: from relay.test by mx.seed.test; Mon, 23 Nov 2026 20:00:00 +0100\r\n"


def results(*fields: str, allowed: tuple[str, ...] = ()) -> Authentication | None:
    raw = "".join(f"Authentication-Results: {field}\r\n" for field in fields) + RECEIVED
    return authentication(parse_headers(raw.encode()), allowed)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (  # Gmail's form
            "mx.google.com;\r\n       dkim=pass header.i=@a.test header.s=x header.b=Ab/1;\r\n"
            "       spf=pass (google.com: domain of b@a.test designates 192.0.2.1 as permitted sender) "
            "smtp.mailfrom=b@a.test;\r\n       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=a.test",
            "spf=pass dkim=pass dmarc=pass",
        ),
        (  # Yahoo's: trailing semicolon, comment without blank, words outside the standard
            "atlas.mail.yahoo.com; dkim=perm_fail header.i=@a.test; spf=pass smtp.mailfrom=a.test; "
            "dmarc=pass(p=REJECT) header.from=a.test;",
            "spf=pass dkim=permerror dmarc=pass",
        ),
        (  # Microsoft's: no authserv-id, a bare segment
            "spf=fail (sender IP is 192.0.2.1) smtp.mailfrom=a.test; contoso.test; dkim=none (message not signed) "
            "header.d=none;contoso.test; dmarc=none action=none header.from=a.test;compauth=fail reason=001",
            "spf=fail dkim=none dmarc=none",
        ),
        ("mx.seed.test 1; dkim=fail header.d=esp.test; dkim=pass header.d=a.test", "dkim=pass"),
        ("mx.seed.test; spf=hardfail; dmarc=bestguesspass", "spf=fail dmarc=none"),
        ('mx.seed.test; spf=fail reason="dkim=pass; dmarc=pass"', "spf=fail"),
        ("mx.seed.test; spf=fail (dmarc=pass \\) dkim=pass (nested) still)", "spf=fail"),
        ("mx.seed.test; SPF/1 = Pass", "spf=pass"),
        ("mx.seed.test; none", "none"),
    ],
)
def test_forms_that_receivers_write_are_read(field: str, expected: str) -> None:
    assert str(results(field)) == expected


def test_only_the_topmost_servers_own_fields_are_believed() -> None:
    mine, forged = "mx.seed.test; spf=fail", "mx.evil.test; dkim=pass; dmarc=pass"
    assert str(results(mine, "mx.seed.test; dkim=fail", forged)) == "spf=fail dkim=fail"
    assert str(results(forged, mine, allowed=("MX.seed.test",))) == "spf=fail"
    assert results(forged, allowed=("mx.seed.test",)) is None


def test_a_field_that_the_sender_wrote_is_not_believed() -> None:
    raw = RECEIVED + "Authentication-Results: mx.seed.test; dmarc=pass\r\n"
    assert authentication(parse_headers(raw.encode())) is None


@pytest.mark.parametrize(
    ("spf", "dkim", "dmarc", "outcome"),
    [
        ("pass", "fail", "pass", Outcome.GOOD),
        ("pass", "pass", "fail", Outcome.BAD),
        ("fail", "pass", None, Outcome.GOOD),
        ("softfail", "fail", "none", Outcome.BAD),
        ("temperror", None, None, Outcome.UNKNOWN),
        (None, None, None, Outcome.UNKNOWN),
        ("none", "none", "none", Outcome.UNKNOWN),
    ],
)
def test_the_verdict_on_authentication(spf, dkim, dmarc, outcome: Outcome) -> None:
    assert Authentication(spf=spf, dkim=dkim, dmarc=dmarc).outcome is outcome


def test_the_topmost_received_tells_the_time() -> None:
    later = "Received: by mx2.seed.test (queue; 7) with LMTP\r\n\tid 1; Mon, 23 Nov 2026 20:00:05 +0100 (CET)\r\n"
    assert received_at(parse_headers((later + RECEIVED).encode())) == datetime(2026, 11, 23, 19, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw", [b"", b"Subject: x\r\n", b"Received: by x; soon\r\n", b"Received:\r\n", b"Received: x; 99"]
)
def test_without_a_readable_time_there_is_none(raw: bytes) -> None:
    assert received_at(parse_headers(raw)) is None


@given(st.binary(max_size=500))
def test_no_header_makes_the_parsers_raise(raw: bytes) -> None:
    for prefix in (b"", b"Received: ", b"Authentication-Results: "):
        headers = parse_headers(prefix + raw)
        received_at(headers)
        authentication(headers)
