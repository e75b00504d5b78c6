"""Given passwords, a token and a key that are like no other text: after a bad day they stand nowhere they must not."""

import base64
import json
import secrets
import smtplib
import stat
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from deploy.sandbox.dialect import DIALECTS
from deploy.sandbox.listener import free_port
from deploy.sandbox.people import SEEDS
from tests.scenarios.scene import ALL, Scene
from tests.scenarios.settings import quick

COMMANDS = (
    ("status",),
    ("status", "--json"),
    ("explain",),
    ("compare",),
    ("history",),
    ("plan", "--to", "acme"),
    ("plan", "--to", "acme", "--json"),
    ("probe", "mailgun"),
    ("failover", "--to", "nosuch"),
    ("failover", "--to", "acme"),
    ("failover", "--to", "acme", "--force", "--for", "0s"),
    ("config", "check"),
    ("config", "describe"),
)


def forms_of(secret, username=""):
    """Return a secret as it would appear: plain, in base64 (alone, and as AUTH PLAIN sends it), in hexadecimal."""
    content = secret if isinstance(secret, bytes) else secret.encode()
    plain = b"\0" + username.encode() + b"\0" + content
    return {
        content,
        base64.b64encode(content).rstrip(b"="),
        base64.urlsafe_b64encode(content).rstrip(b"="),
        base64.b64encode(plain).rstrip(b"="),
        content.hex().encode(),
    }


def test_no_secret_stands_in_a_log_an_error_an_answer_the_store_or_a_file_that_others_may_read(tmp_path, monkeypatch):
    token, literal = f"token-{secrets.token_hex(12)}", f"literal-{secrets.token_hex(12)}"
    token_file = tmp_path / "api.token"
    token_file.touch(mode=0o600)
    token_file.write_text(token)
    port = free_port()
    api = {"listen": f"127.0.0.1:{port}", "token": {"file": str(token_file)}}
    with Scene.temporary(started=False, settings=quick(api=api)) as scene:
        monkeypatch.setenv("ACME_PASSWORD", scene.world.password("acme"))
        scene.change_config(f'{{ file = "{scene.world.layout.secrets}/acme" }}', '{ env = "ACME_PASSWORD" }')
        scene.start_helper()
        scene.start_daemon()
        scene.take_over()
        said = a_bad_day(scene, port, token, literal)
        marked = {literal: forms_of(literal), "token": forms_of(token)}
        marked |= {name: forms_of(scene.world.password(name), DIALECTS[name].username) for name in ALL}
        marked |= {name: forms_of(scene.world.password(name), SEEDS[name].address) for name in SEEDS}
        key = next((scene.world.directory / "state").glob("*.key"))
        marked["probe key"] = forms_of(key.read_bytes())

        for where, content in said.items():
            assert not found(marked, content), f"{where} shows the secret of {found(marked, content)}"
        expected = {scene.world.postfix.config_dir / "relaypilot" / "sasl", key}
        for path in files_of(scene.world.directory):
            secret_of = found(marked, path.read_bytes())
            if path in expected or path.parent == scene.world.directory / "helper":
                status = path.stat()
                assert stat.S_IMODE(status.st_mode) == 0o600, path
                assert status.st_uid == 0
            else:
                assert not secret_of, f"{path} holds the secret of {secret_of}"
        assert found(marked, (scene.world.postfix.config_dir / "relaypilot" / "sasl").read_bytes())
        assert stat.S_IMODE((scene.world.directory / "helper").stat().st_mode) == 0o700


def a_bad_day(scene, port, token, literal):
    """Have every kind of thing go wrong; return everything that was said meanwhile."""
    said = {}
    world = scene.world

    def command(*words):
        done = world.command(*words)
        said[f"`{' '.join(words)}` ({len(said)})"] = (done.stdout + done.stderr).encode()

    world.fault("mailgun", "auth535")
    world.fault("gmail-1", "seed_down")
    with world.load(3) as load:
        scene.leaves("mailgun", within=40)
        world.fault("sendgrid", "suspended")
        world.fault("acme", "tls_expired")
        scene.until(lambda: scene.health("acme")["status"] == "degraded", 30, "everything is broken")
        for words in COMMANDS:
            command(*words)
        assert load.sent
    for path in json.loads(scene.ask("GET", "/openapi.json")[1])["paths"]:
        if path in ("/v1/stream",):
            continue
        for query in ("", "?to=acme", "?limit=10000", "?window=nonsense"):
            status, content = scene.ask("GET", path + query)
            said[f"GET {path}{query}: {status}"] = content.encode()
    for body in ({"to": "nosuch"}, {"to": "sendgrid", "actor": "x", "reason": "y"}, {"nonsense": True}):
        said[f"POST /v1/failover {body}"] = scene.ask("POST", "/v1/failover", body)[1].encode()
    for bearer in (token, "wrong", ""):
        said[f"TCP with {'the' if bearer == token else 'a wrong'} token"] = over_tcp(port, bearer)

    good = world.config_path.read_text()
    for wrong in (
        good.replace('{ env = "ACME_PASSWORD" }', f'"{literal}"'),
        good.replace('{ env = "ACME_PASSWORD" }', f'{{ file = "{literal} }}'),
    ):
        world.config_path.write_text(wrong)
        scene.hang_up()
        scene.until(lambda: any("the old one" in p for p in scene.status()["problems"]), 15, "it is told")
        command("config", "check")
    world.config_path.write_text(good)
    said["GET /v1/status"] = scene.ask("GET", "/v1/status")[1].encode()

    for process in (scene.daemon, scene.helper):
        said[f"command line of {process.name}"] = "\0".join(psutil.Process(process.pid).cmdline()).encode()
    scene.daemon.stop()
    world.heal()
    command("status")
    command("failover", "--to", "mailgun", "--force")
    with smtplib.SMTP("127.0.0.1", world.ports["smtp"]) as connection:
        said["Postfix's greeting"] = connection.ehlo()[1]
    return said


def over_tcp(port, token):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/status", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        return error.read() + str(error.headers).encode()


def found(marked, content):
    """Return whose secret is in this content, if any."""
    return next((who for who, forms in marked.items() if any(form in content for form in forms)), None)


def files_of(directory: Path):
    """Yield every regular file of the world that is not the sandbox's own record of its secrets."""
    for path in directory.rglob("*"):
        if path.relative_to(directory).parts[0].split(".")[0] in ("world", "users", "secrets"):
            continue
        if stat.S_ISREG(path.lstat().st_mode):
            yield path
