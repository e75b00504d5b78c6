"""The root side's journal: handed over in pages, and never growing for ever."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from service.decision.route import simple_route
from service.postfix.client import HelperClient
from service.postfix.installation import Installation
from service.postfix.journal import (
    LINES_KEPT,
    PAGE_LINES,
    JournalLine,
    append_journal,
    find_in_journal,
    journal_page,
    line_json,
    read_journal,
)
from service.postfix.protocol import MAX_ANSWER_BYTES, answer_line, parse_request
from tests.postfix.fake_helper import FakeHelper

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def line(request_id, *, outcome="failed", generation=8, detail="The canary message was not taken."):
    return JournalLine(
        request_id=request_id,
        generation=generation,
        at=AT + timedelta(seconds=1),
        before=simple_route("a", "b"),
        after=simple_route("b", "a"),
        outcome=outcome,
        verified=False,
        detail=detail,
    )


@pytest.fixture
def installation(tmp_path):
    return Installation(config_dir=tmp_path, helper_dir=tmp_path, log_file=None, providers={})


def write(installation, lines):
    text = "".join(f"{json.dumps(line_json(each))}\n" for each in lines)
    (installation.helper_dir / "journal.jsonl").write_text(text)


def test_a_page_is_the_oldest_lines_and_the_next_one_goes_on_beyond_its_last(installation):
    write(installation, [line("applied", outcome="applied", generation=7), *[line(f"f{n}") for n in range(1200)]])
    first = journal_page(installation, 7)
    assert [each.request_id for each in first] == [f"f{n}" for n in range(PAGE_LINES)]
    assert len(answer_line([line_json(each) for each in first])) < MAX_ANSWER_BYTES
    second = journal_page(installation, 7, first[-1].request_id)
    third = journal_page(installation, 7, second[-1].request_id)
    assert first + second + third == read_journal(installation, 7)
    assert journal_page(installation, 7, third[-1].request_id) == ()
    assert journal_page(installation, 7, "trimmed-away") == first


def test_a_page_of_long_lines_fits_into_an_answer(installation):
    write(installation, [line(f"f{n}", detail="x" * 100_000) for n in range(100)])
    page = journal_page(installation)
    assert 1 <= len(page) < 100
    assert len(answer_line([line_json(each) for each in page])) < MAX_ANSWER_BYTES


def test_the_journal_keeps_the_newest_lines_and_the_newest_applied_move(installation):
    begun = [line(f"a{n}", outcome="applied", generation=n) for n in range(1, 8)]
    write(installation, [*begun, *[line(f"f{n}") for n in range(LINES_KEPT + 493)]])
    path = installation.helper_dir / "journal.jsonl"
    path.chmod(0o600)
    append_journal(installation, line("not-yet"))
    assert find_in_journal(installation, "a1") is None
    kept = read_journal(installation)
    assert len(kept) == LINES_KEPT + 1
    assert (kept[0].request_id, kept[-1].request_id) == ("a7", "not-yet")
    assert path.stat().st_mode & 0o777 == 0o600
    append_journal(installation, line("next"))
    assert read_journal(installation)[-1].request_id == "next"
    assert [path.name for path in installation.helper_dir.iterdir()] == ["journal.jsonl"]


def test_a_journal_that_cannot_be_trimmed_still_has_the_new_line(installation):
    write(installation, [line(f"f{n}") for n in range(LINES_KEPT + 500)])
    in_the_way = installation.helper_dir / "journal.jsonl.relaypilot-new"
    in_the_way.mkdir()
    append_journal(installation, line("new"))
    assert find_in_journal(installation, "new") is not None
    assert len(read_journal(installation)) == LINES_KEPT + 501


def test_the_client_asks_page_by_page_until_there_is_no_more(installation, tmp_path):
    write(installation, [line(f"f{n}") for n in range(1200)])

    def answer(request_line):
        request = parse_request(request_line)
        return answer_line([line_json(each) for each in journal_page(installation, request.after, request.beyond)])

    with FakeHelper(tmp_path / "helper.sock", answer) as helper:
        assert HelperClient(tmp_path / "helper.sock").journal(7) == read_journal(installation, 7)
    assert len(helper.requests) == 4


def test_the_client_ends_though_the_line_it_goes_on_from_is_gone(installation, tmp_path):
    with FakeHelper(tmp_path / "helper.sock", lambda _request: answer_line([line_json(line("same"))])):
        assert [each.request_id for each in HelperClient(tmp_path / "helper.sock").journal()] == ["same"]
