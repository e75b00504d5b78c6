"""Sockets: what is left behind, what is taken, what is given back."""

import asyncio
import grp
import os
import signal
import socket
from pathlib import Path

import pytest

from service.api.serve import serve
from service.errors import RelaypilotError
from tests.api.fake_desk import FakeDesk
from tests.api.world import World, served


async def attempt(path: Path, listen: str | None = None) -> None:
    stop = asyncio.Event()
    stop.set()
    await serve(FakeDesk(), socket=path, listen=listen, token="t", stop=stop)


@pytest.mark.anyio
async def test_the_socket_of_a_dead_daemon_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "api.sock"))
    await attempt(tmp_path / "api.sock")
    assert not (tmp_path / "api.sock").exists()


@pytest.mark.anyio
async def test_a_daemon_that_answers_is_left_alone(world: World) -> None:
    with pytest.raises(RelaypilotError, match=r"Another relaypilot already answers on .*; stop it first\."):
        await attempt(world.socket)
    with world.client() as client:
        assert client.get("/healthz").status_code == 200


@pytest.mark.anyio
async def test_a_file_that_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "api.sock").write_text("precious")
    with pytest.raises(RelaypilotError, match="is no socket; remove it"):
        await attempt(tmp_path / "api.sock")
    assert (tmp_path / "api.sock").read_text() == "precious"


@pytest.mark.anyio
async def test_a_socket_that_another_daemon_has_put_there_meanwhile_stays(tmp_path: Path) -> None:
    path, stop = tmp_path / "api.sock", asyncio.Event()
    serving = asyncio.ensure_future(
        serve(FakeDesk(), socket=path, listen=None, token=None, stop=stop, on_listening=lambda _: path.unlink())
    )
    await asyncio.sleep(0)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        stop.set()
        await serving
        assert path.exists()


@pytest.mark.anyio
@pytest.mark.parametrize("listen", ["127.0.0.1", "localhost:80:90", "127.0.0.1:port", "relay.example:80", ":99999"])
async def test_an_address_that_is_none_is_said_with_the_setting(tmp_path: Path, listen: str) -> None:
    with pytest.raises(RelaypilotError, match=r"\[api\] listen = .* is not an address and port"):
        await attempt(tmp_path / "api.sock", listen)
    assert not (tmp_path / "api.sock").exists()


@pytest.mark.anyio
async def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(RelaypilotError, match=f"Listening on {listen} failed: Address already in use"):
            await attempt(tmp_path / "api.sock", listen)


@pytest.mark.anyio
async def test_cancelled_serving_cleans_up(tmp_path: Path) -> None:
    listening = asyncio.Event()
    path = tmp_path / "api.sock"
    serving = asyncio.ensure_future(
        serve(
            FakeDesk(),
            socket=path,
            listen=None,
            token=None,
            stop=asyncio.Event(),
            on_listening=lambda _: listening.set(),
        )
    )
    await listening.wait()
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert not path.exists()


@pytest.mark.anyio
async def test_signals_stay_with_the_daemon(tmp_path: Path) -> None:
    got: list[int] = []
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, got.append, 1)
    stop = asyncio.Event()
    serving = asyncio.ensure_future(serve(FakeDesk(), socket=tmp_path / "api.sock", listen=None, token=None, stop=stop))
    await asyncio.sleep(0.2)
    os.kill(os.getpid(), signal.SIGTERM)
    while not got:
        await asyncio.sleep(0.01)
    assert not serving.done()
    stop.set()
    await serving
    asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)


def test_a_directory_that_is_missing_is_made(tmp_path: Path) -> None:
    with served(tmp_path / "run") as world, world.client() as client:
        assert client.get("/healthz").status_code == 200


@pytest.mark.anyio
async def test_the_socket_may_belong_to_a_group_of_its_own(tmp_path: Path) -> None:
    path, stop = tmp_path / "api.sock", asyncio.Event()
    seen: list[tuple[int, int]] = []

    def look(_port: int | None) -> None:
        seen.append((path.stat().st_gid, path.stat().st_mode & 0o777))
        stop.set()

    await serve(FakeDesk(), socket=path, group="adm", listen=None, token=None, stop=stop, on_listening=look)
    assert seen == [(grp.getgrnam("adm").gr_gid, 0o660)]


@pytest.mark.anyio
async def test_a_group_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(RelaypilotError, match='group = "nosuchgroup": there is no such group'):
        await serve(
            FakeDesk(), socket=tmp_path / "api.sock", group="nosuchgroup", listen=None, token=None, stop=asyncio.Event()
        )
