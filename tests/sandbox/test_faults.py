"""Names, arguments and dice of faults."""

import pytest

from deploy.sandbox.errors import UnknownFaultError
from deploy.sandbox.fault import FAULTS, ActiveFaults, Scope, parse_fault

NAMES = (
    "down blackhole greet421 tarpit hang_data auth535 quota suspended sender_unverified tempfail partial ratelimit "
    "tls_expired tls_stripped drop late spam spam_at auth_broken bounce_later "
    "events_late api_ratelimit key_limited wrong_region api_down flap "
    "seed_down seed_slow seed_full seed_suppressed dns_down local_net"
)


def test_the_names_are_those_that_tests_and_benchmarks_agree_on() -> None:
    assert list(FAULTS) == NAMES.split()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("tarpit", "tarpit 20"),
        ("tarpit 3s", "tarpit 3"),
        ("partial", "partial 0.3"),
        ("partial 0.5", "partial 0.5"),
        ("spam_at gmail", "spam_at gmail"),
        ("spam_at:yahoo", "spam_at yahoo"),
        ("flap", "flap down 10 10"),
        ("flap late 1 2 5", "flap late 1 2"),
    ],
)
def test_arguments_are_read_as_people_type_them(words: str, text: str) -> None:
    name, *args = words.split()
    assert str(parse_fault(name, args)) == text


@pytest.mark.parametrize(
    "words",
    ["down 3", "tarpit soon", "tarpit -1", "partial 0", "partial 1.5", "spam_at", "spam_at mars", "late 1 2", "flap x"],
)
def test_arguments_that_make_no_sense_are_refused(words: str) -> None:
    name, *args = words.split()
    with pytest.raises(UnknownFaultError):
        parse_fault(name, args)


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01])
def test_a_share_is_above_none_and_at_most_all(share: float) -> None:
    with pytest.raises(UnknownFaultError, match="share"):
        parse_fault("spam", (), share)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.95])
def test_a_share_strikes_exactly_so_often_in_every_twenty(share: float) -> None:
    faults = ActiveFaults("test")
    faults.put(parse_fault("spam", (), share))
    struck = [Scope(faults)("spam") is not None for _ in range(200)]
    assert {sum(struck[n : n + 20]) for n in range(0, 200, 20)} == {round(share * 20)}


def test_a_draw_stays_as_it_is_within_one_message() -> None:
    faults = ActiveFaults("test")
    faults.put(parse_fault("spam", (), 0.5))
    for _ in range(20):
        scope = Scope(faults)
        assert len({scope("spam") for _ in range(10)}) == 1
