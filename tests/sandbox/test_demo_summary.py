import pytest

from deploy.sandbox.demo_summary import Move, Summary
from deploy.sandbox.ledger import Counts

_NONE = dict.fromkeys(("sent", "inbox", "spam", "late", "bounced", "lost", "twice", "queued", "underway", "dropped"), 0)


def _counts(**numbers: int) -> Counts:
    return Counts(**{**_NONE, **numbers})


def _move(**changes: object) -> Move:
    usual = {
        "cause": "down",
        "left": "mailgun",
        "caused_at": 100.0,
        "noticed_at": 101.5,
        "moved_at": 105.0,
        "to": "sendgrid",
        "limit_seconds": 15.0,
    }
    return Move(**{**usual, **changes})


def _summary(**changes: object) -> Summary:
    usual = {
        "counts": _counts(sent=10, inbox=8, spam=2),
        "late_seconds": 10.0,
        "moves": [_move()],
        "taken_for_spam": 2,
    }
    return Summary(**{**usual, **changes})


def test_a_move_is_timed_from_the_fault_and_from_the_first_failure() -> None:
    move = _move()
    assert (move.seconds, move.seconds_noticed) == (5.0, 3.5)
    assert move.problem is None
    assert move.lines() == [
        ("down: fault on to moved", 5.0, "mailgun to sendgrid"),
        ("down: first failure to moved", 3.5, "at most 15"),
    ]


def test_a_return_is_timed_from_healing() -> None:
    move = _move(cause="return", left="sendgrid", noticed_at=None, to="mailgun", moved_at=120.0, limit_seconds=60.0)
    assert move.lines() == [("return: healed to moved back", 20.0, "to mailgun; at most 60")]
    assert move.problem is None


def test_the_limit_counts_from_the_first_failure() -> None:
    assert _move(noticed_at=110.0, moved_at=124.9).problem is None
    late = _move(noticed_at=110.0, moved_at=125.5).problem
    assert late == "down: mail left mailgun only 15.5 s after the first failed check, not within 15 s."


def test_the_limit_counts_from_the_fault_when_no_failure_was_recorded() -> None:
    assert _move(noticed_at=None, moved_at=114.0).problem is None
    late = _move(noticed_at=None, moved_at=116.0).problem
    assert late == "down: mail left mailgun only 16.0 s after the fault, not within 15 s."


def test_a_move_that_did_not_happen_fails_the_demo_and_shows_no_number() -> None:
    summary = _summary(moves=[_move(moved_at=None, to=None)])
    assert summary.exit_status == 1
    assert summary.problems == ("down: mail did not leave mailgun in time.",)
    line = next(line for line in summary.lines() if "fault on to moved" in line)
    assert line.split()[-4:] == ["-", "still", "at", "mailgun"]


def test_a_return_that_did_not_happen_names_the_provider_that_did_not_get_its_mail_back() -> None:
    move = _move(cause="return", left="sendgrid", noticed_at=None, moved_at=None, to="mailgun", limit_seconds=60.0)
    assert move.problem == "return: mail did not leave sendgrid for mailgun in time."


def test_everything_as_expected_ends_with_status_zero() -> None:
    summary = _summary()
    assert summary.problems == ()
    assert summary.exit_status == 0
    assert summary.lines()[-1] == "As expected: mail moved each time, and none was lost or bounced."


@pytest.mark.parametrize(
    ("numbers", "problem"),
    [
        ({"lost": 1, "dropped": 1}, "1 message is lost: 1 of them by the relay's own word."),
        ({"bounced": 2}, "2 messages are returned to the sender."),
        ({"queued": 1, "underway": 2}, "3 messages are still on the way, though the time is over."),
        (
            {"spam": 3},
            "3 messages are in a spam folder, but only 2 taken by a provider while its fault was on.",
        ),
    ],
)
def test_mail_that_is_not_where_it_should_be_fails_the_demo(numbers: dict[str, int], problem: str) -> None:
    summary = _summary(counts=_counts(**{"sent": 10, "inbox": 7, "spam": 2, **numbers}))
    assert summary.problems == (problem,)
    assert summary.exit_status == 1
    assert f"  {problem}" in summary.lines()


def test_late_and_doubled_mail_is_told_but_is_no_failure() -> None:
    assert _summary(counts=_counts(sent=10, inbox=8, spam=2, late=3, twice=1)).exit_status == 0


def test_a_surprise_fails_the_demo() -> None:
    summary = _summary(surprises=["Mail moved from acme to sendgrid, which was not in the script."])
    assert summary.exit_status == 1
    assert summary.lines()[-1].endswith("not in the script.")


def test_each_number_of_the_ledger_stands_on_a_line_of_its_own() -> None:
    counts = _counts(sent=21, inbox=11, spam=2, late=3, bounced=4, lost=5, twice=6, dropped=5)
    lines = [line.split() for line in _summary(counts=counts).lines()]
    found = {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}
    assert found == {"sent": 21, "inbox": 11, "spam": 2, "late": 3, "bounced": 4, "lost": 5, "twice": 6}
