import socket
from datetime import timedelta

import pytest

from probes.control import ControlCheck
from probes.observation import NoticeKind
from tests.probes.world import RealClock

pytestmark = pytest.mark.anyio


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield ("127.0.0.1", server.getsockname()[1])


@pytest.fixture
def closed():
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    server.close()
    return ("127.0.0.1", port)


async def test_one_answer_is_enough(listening, closed) -> None:
    notice = await ControlCheck([closed, listening], clock=RealClock()).run()
    assert notice.kind is NoticeKind.CONTROL
    assert notice.detail == {"ok": "yes", "what": "network and clock are all right"}


async def test_no_answer_at_all_is_our_own_network(closed) -> None:
    notice = await ControlCheck([closed], clock=RealClock()).run()
    assert notice.detail["ok"] == "no"
    assert notice.detail["what"] == f"our own network: 127.0.0.1:{closed[1]}: Connection refused"


async def test_a_name_that_is_not_found_is_told() -> None:
    notice = await ControlCheck([("no-such-host.invalid", 993)], clock=RealClock(), timeout_seconds=2).run()
    assert notice.detail["ok"] == "no"
    assert "no-such-host.invalid:993" in notice.detail["what"]


async def test_a_jump_of_the_clock_is_told_once(listening) -> None:
    clock = RealClock()
    check = ControlCheck([listening], clock=clock)
    clock.wall_jump = timedelta(hours=1)
    assert (await check.run()).detail == {
        "ok": "no",
        "what": "the wall clock jumped by +3600 s against the monotonic clock",
    }
    assert (await check.run()).detail["ok"] == "yes"


async def test_with_nothing_to_connect_to_the_clock_alone_is_checked() -> None:
    notice = await ControlCheck([], clock=RealClock()).run()
    assert notice.detail["ok"] == "unknown"  # a steady clock clears nobody's network
    assert "nothing to connect to" in notice.detail["what"]
