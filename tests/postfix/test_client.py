"""How long the root helper is waited for."""

from dataclasses import replace

import pytest

from service.config import LONGEST_CANARY_WAIT
from service.decision.route import Lane, Route, simple_route
from service.postfix.client import MOVE_SECONDS, QUICK_SECONDS, HelperClient
from service.postfix.errors import AnswerLostError, RequestRefusedError
from tests.postfix.fake_helper import FakeHelper

ROUTE = simple_route("a")


@pytest.fixture
def silent(tmp_path):
    """A helper that takes requests and answers none."""
    with FakeHelper(tmp_path / "helper.sock", lambda _request: None):
        yield tmp_path / "helper.sock"


@pytest.mark.parametrize("ask", [HelperClient.ping, HelperClient.current, HelperClient.journal])
def test_what_only_reads_is_given_up_soon(silent, ask):
    with pytest.raises(AnswerLostError, match=r"within 0\.2 s"):
        ask(HelperClient(silent, quick_seconds=0.2, move_seconds=100.0))


@pytest.mark.parametrize("ask", [lambda client: client.apply("r1", 0, ROUTE), HelperClient.flush])
def test_what_does_work_is_given_its_time(silent, ask):
    with pytest.raises(AnswerLostError, match=r"within 0\.3 s"):
        ask(HelperClient(silent, quick_seconds=0.01, move_seconds=0.3))


def test_a_move_may_take_the_longest_canary_wait():
    assert QUICK_SECONDS <= 10
    assert LONGEST_CANARY_WAIT.total_seconds() + 60 <= MOVE_SECONDS


def test_a_request_too_long_for_the_helper_is_not_sent(tmp_path):
    lane = Lane(providers=tuple(f"provider-{n}" for n in range(40)))
    route = Route(lanes=tuple(replace(lane, receiver=f"receiver-{n}") for n in range(40)))
    with pytest.raises(RequestRefusedError, match="too many lanes"):
        HelperClient(tmp_path / "nobody.sock").apply("id", 0, route)
