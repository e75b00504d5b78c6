"""The root helper as a process: what it does for whom, and what it refuses without effect."""

import contextlib
import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from service.decision.route import Lane, Route, simple_route
from service.postfix.client import HelperClient
from service.postfix.current import read_current
from service.postfix.errors import (
    HelperError,
    HelperUnreachableError,
    RequestRefusedError,
    RouteRefusedError,
    StaleGenerationError,
)
from tests.postfix.hostile_requests import HOSTILE
from tests.postfix.world import NAMES, wait_for

REPO = Path(__file__).parents[2]
PROGRAM = "import sys; from pathlib import Path; from service.postfix.helper import run_helper; "
PROGRAM += "sys.exit(run_helper(Path(sys.argv[1])))"


def write_config(world):
    """Write the configuration that describes a world; return its path."""
    root = world.root
    for name in NAMES:
        (root / f"ca-{name}.pem").write_text(world.installation.authorities[name])
        secret = root / f"{name}.password"
        secret.write_text(f"{name}-secret\n")
        secret.chmod(0o600)
    providers = "".join(
        f"""
[[provider]]
name = "{name}"
kind = "smtp"
host = "127.0.0.1"
port = {world.peers[name].port}
server_name = "smtp.{name}.test"
ca_file = "{root}/ca-{name}.pem"
username = "{name}-user"
password = {{ file = "{root}/{name}.password" }}
"""
        for name in NAMES
    )
    path = root / "relaypilot.toml"
    path.write_text(
        f"""
mode = "enforce"
state_dir = "{root}/state"
[postfix]
config_dir = "{world.config_dir}"
log_file = "{world.installation.log_file}"
helper_socket = "{world.installation.helper_socket}"
helper_dir = "{world.installation.helper_dir}"
helper_user = "mail"
connect_timeout = "2s"
[probes]
sender = "probe@sender.test"
{providers}
[[seed]]
name = "seed-one"
receiver = "gmail"
address = "seed@receiver.test"
host = "127.0.0.1"
password = {{ file = "{root}/alfa.password" }}
"""
    )
    return path


@pytest.fixture(scope="module")
def config_path(world):
    return write_config(world)


@contextlib.contextmanager
def helper_process(world, config_path, **environment):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(config_path)],
        cwd=REPO,
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    client = HelperClient(world.installation.helper_socket)

    def answers():
        assert process.poll() is None, process.stderr.read()
        with contextlib.suppress(HelperError):
            client.ping()
            return True
        return False

    try:
        wait_for(answers, what="the helper to answer")
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)
        process.stderr.close()


@pytest.fixture(scope="module")
def client(world, config_path):
    with helper_process(world, config_path):
        yield HelperClient(world.installation.helper_socket)


def raw(world, content, half_close=False):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(world.installation.helper_socket))
        connection.sendall(content)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while not answer.endswith(b"\n"):
            part = connection.recv(65536)
            if not part:
                break
            answer += part
    return json.loads(answer)


def test_a_move_over_the_socket_is_the_same_transaction(world, client):
    before = client.current()
    applied = client.apply(
        "over-the-socket", before.generation, simple_route("bravo", "alfa"), actor="tester", reason="two\nlines"
    )
    assert applied.verified
    assert world.carrier_of(world.send()) == "bravo"
    current = client.current()
    assert (current.route, current.generation) == (simple_route("bravo", "alfa"), before.generation + 1)
    assert "secret" not in repr(current)
    line = client.journal(before.generation)[-1]
    assert (line.request_id, line.actor, line.reason) == ("over-the-socket", "tester", "two lines")
    assert client.flush().deferred == 0
    with pytest.raises(StaleGenerationError):
        client.apply("again", before.generation, simple_route("alfa"))
    with pytest.raises(RouteRefusedError, match="nosuch"):
        client.apply("nosuch", current.generation, simple_route("nosuch"))


@pytest.mark.parametrize("request_", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_request_is_refused_in_one_sentence_without_effect(world, client, request_):
    state = world.installation.helper_dir / "state.json"
    before = world.snapshot(), state.read_bytes() if state.exists() else None
    content = request_ if isinstance(request_, bytes) else json.dumps(request_).encode() + b"\n"
    answer = raw(world, content)
    assert answer["ok"] is False
    assert answer["code"] in ("request-refused", "route-refused")  # before anything is compared with what is in force
    assert answer["message"].endswith(".")
    assert len(answer["message"]) < 300
    assert "\n" not in answer["message"]
    assert (world.snapshot(), state.read_bytes() if state.exists() else None) == before


def test_a_request_that_never_ends_does_not_hold_the_helper(world, client):
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(world.installation.helper_socket))
        silent.sendall(b'{"op": ')
        client.ping()  # served when the silent one's time is up
    assert raw(world, b'{"op": "ping"', half_close=True)["code"] == "request-refused"


def ask_as(user, act):
    """Run `act` as another user in a process of its own; return what it returned, as text."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            account = pwd.getpwnam(user)
            os.setgroups([pwd.getpwnam("mail").pw_gid])  # may reach the socket by its group
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
            os.write(writer, str(act()).encode())
        except BaseException as error:  # noqa: BLE001
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        return pipe.read()


def test_only_root_and_the_configured_user_are_served(world, client):
    path = world.installation.helper_socket
    assert (path.stat().st_mode & 0o7777, path.stat().st_gid) == (0o660, pwd.getpwnam("mail").pw_gid)
    assert "RequestRefusedError: Only root and mail" in ask_as("nobody", client.ping)
    assert ask_as("mail", client.ping) == "None"
    assert ask_as("mail", lambda: client.current().running) == "True"


def test_another_user_cannot_read_the_record_and_is_told_so(world, client):
    said = ask_as("mail", lambda: read_current(world.installation))
    assert "ApplyError: Reading" in said
    assert "for root alone" in said


def test_a_configuration_that_others_can_write_is_not_trusted(world, client, config_path):
    config_path.chmod(0o666)
    try:
        with pytest.raises(HelperError, match="changed by others than root"):
            client.apply("untrusted", client_generation := 0, simple_route("alfa"))
        assert client_generation == 0
    finally:
        config_path.chmod(0o644)
    client.ping()


def test_a_configuration_that_became_wrong_is_not_used_and_the_last_right_one_stays(world, client, config_path):
    good = config_path.read_text()
    before = client.current()
    config_path.write_text(good + "\n[nonsense]\n")
    try:
        assert client.current() == before
    finally:
        config_path.write_text(good)
    client.ping()


def test_a_route_of_several_lanes_is_refused(client):
    lanes = (Lane(providers=("alfa",)), Lane(providers=("bravo",), receiver="gmail"))
    with pytest.raises(RouteRefusedError):
        client.apply("lanes", client.current().generation, Route(lanes=lanes))


def test_nobody_answering_is_one_sentence(tmp_path):
    with pytest.raises(HelperUnreachableError, match="is relaypilot-helper"):
        HelperClient(tmp_path / "no.sock").ping()


def test_refusals_keep_their_class_over_the_socket(client):
    with pytest.raises(RequestRefusedError):
        client.apply("bad id", 0, simple_route("alfa"))


class TestOwnProcess:
    """A helper of its own for each test; the shared one would be in the way."""

    @pytest.fixture
    def path(self, world, config_path):
        own = world.root / "own.toml"
        own.write_text(config_path.read_text().replace("helper.sock", "own.sock"))
        return own

    @pytest.fixture
    def own(self, world):
        from dataclasses import replace

        return replace(
            world, installation=replace(world.installation, helper_socket=world.root / "own.sock"), peers=world.peers
        )

    def test_sigterm_lets_the_move_at_hand_end_and_removes_the_socket(self, own, path):
        with helper_process(own, path) as process:
            client = HelperClient(own.installation.helper_socket)
            generation = client.current().generation
            results = []
            thread = threading.Thread(
                target=lambda: results.append(client.apply("while-stopping", generation, simple_route("carol", "alfa")))
            )
            thread.start()
            wait_for((own.installation.helper_dir / "stage").exists, what="the move to begin")
            process.send_signal(signal.SIGTERM)
            thread.join(30)
            assert process.wait(30) == 0
        assert results[0].verified
        assert not own.installation.helper_socket.exists()

    def test_a_killed_helper_is_followed_by_one_that_finishes_its_move(self, own, path):
        with helper_process(own, path) as process:
            client = HelperClient(own.installation.helper_socket)
            generation = client.current().generation

            def ask():
                with contextlib.suppress(HelperError):
                    client.apply("killed", generation, simple_route("alfa", "bravo", "carol"))

            thread = threading.Thread(target=ask)
            thread.start()
            wait_for((own.installation.helper_dir / "intent.json").exists, what="the intent")
            process.kill()
            thread.join(30)
        with helper_process(own, path):
            current = client.current()
            assert (current.interrupted, current.drift) == (False, ())
            line = next(line for line in client.journal(generation) if line.request_id == "killed")
            assert current.generation == generation + (line.outcome == "applied")

    def test_systemd_is_told_when_it_is_ready(self, own, path):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
            notified.bind(str(own.root / "notify.sock"))
            notified.settimeout(20)
            with helper_process(own, path, NOTIFY_SOCKET=str(own.root / "notify.sock")):
                assert notified.recv(100) == b"READY=1"
            assert notified.recv(100) == b"STOPPING=1"

    def test_a_second_helper_on_the_same_socket_is_refused(self, own, path):
        with helper_process(own, path):
            second = subprocess.run(
                [sys.executable, "-c", PROGRAM, str(path)],
                cwd=REPO,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert second.returncode != 0
            assert "Another root helper listens" in second.stderr
