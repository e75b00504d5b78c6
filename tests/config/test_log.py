import base64
import io
import json
import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
import structlog

from service.log import configure_logging
from service.redaction import Redaction

SECRET = 'p"ä%ss word+\\1'


class SetClock:
    def now(self) -> datetime:
        return datetime(2026, 3, 1, 12, 0, 0, 1000, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def configured(stream: object = None, environ: dict[str, str] | None = None, **options: str) -> io.StringIO:
    stream = stream or io.StringIO()
    configure_logging(SetClock(), Redaction([SECRET]), environ or {}, stream=stream, **options)
    return stream


def test_a_line_holds_time_level_event_and_pairs() -> None:
    out = configured()
    structlog.get_logger("relaypilot.x").info("moved", to="sendgrid", reason="mailgun refuses", n=3)
    assert out.getvalue() == '2026-03-01T12:00:00.001Z info moved to=sendgrid reason="mailgun refuses" n=3\n'


def test_records_of_other_libraries_look_the_same() -> None:
    out = configured()
    logging.getLogger("uvicorn.error").warning("port %s is taken", 8520)
    assert out.getvalue() == "2026-03-01T12:00:00.001Z warning port 8520 is taken\n"


def test_addresses_called_over_http_are_not_logged() -> None:
    out = configured()
    with httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(200))) as client:
        client.get("https://api.example.org/v3/bounces/jane@example.org")
    assert out.getvalue() == ""


def test_json_lines_parse() -> None:
    out = configured(form="json")
    structlog.get_logger().error("moved", to="ü")
    assert json.loads(out.getvalue()) == {
        "event": "moved",
        "to": "ü",
        "level": "error",
        "at": "2026-03-01T12:00:00.001Z",
    }


def test_lower_levels_are_left_out() -> None:
    out = configured(level="warning")
    structlog.get_logger().info("chatter")
    logging.getLogger("x").debug("chatter")
    assert out.getvalue() == ""


def test_a_reply_cannot_forge_a_second_line() -> None:
    out = configured()
    structlog.get_logger().info("refused", text="550 no\n2026-03-01 info moved ü\x1b[2J")
    assert out.getvalue().count("\n") == 1
    assert "\\n2026" in out.getvalue()
    assert "ü" in out.getvalue()
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize("form", ["plain", "json"])
def test_a_secret_is_struck_out_in_every_form(form: str) -> None:
    out = configured(form=form)
    log = structlog.get_logger()
    log.info(f"login with {SECRET}", password=SECRET, pair={"p": SECRET}, content=SECRET.encode())
    log.info("AUTH LOGIN", line=base64.b64encode(SECRET.encode()).decode())
    logging.getLogger("x").warning("url https://user:%s@host", "p%22%C3%A4%25ss%20word%2B%5C1")
    try:
        int(SECRET)
    except ValueError:
        log.exception("broken")
    text = out.getvalue()
    assert "Traceback" in text
    assert text.count("[redacted]") >= 6
    for piece in ("ss word", "%ss", base64.b64encode(SECRET.encode()).decode(), "%25ss"):
        assert piece not in text


def test_secrets_learnt_at_a_reload_are_struck_out_beside_the_old_ones() -> None:
    redaction = Redaction(["old-secret"])
    redaction.add(["new-secret", "abc", ""])
    assert redaction.strike("old-secret new-secret abc") == "[redacted] [redacted] abc"
    assert "secret" not in repr(redaction)


def test_the_journal_gets_priorities_instead_of_times(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w") as stream:
        status = os.fstat(stream.fileno())
        configured(stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        structlog.get_logger().warning("late", provider="mailgun")
        try:
            int("x")
        except ValueError:
            structlog.get_logger().exception("broken")
    lines = (tmp_path / "journal").read_text().splitlines()
    assert lines[0] == "<4>warning late provider=mailgun"
    assert len(lines) > 3
    assert all(line.startswith("<3>") for line in lines[1:])


def test_a_journal_stream_of_somebody_else_does_not_count(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as stream:
        configured(stream, {"JOURNAL_STREAM": "1:2"})
        structlog.get_logger().info("started")
    assert (tmp_path / "file").read_text() == "2026-03-01T12:00:00.001Z info started\n"
    assert configured(io.StringIO(), {"JOURNAL_STREAM": "1:2"}).getvalue() == ""
