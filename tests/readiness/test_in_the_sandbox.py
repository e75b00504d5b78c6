"""The commands as an administrator runs them, against both simulated accounts, a real Postfix and a name server."""

import json
import ssl
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from deploy.sandbox.people import SENDING_DOMAIN
from deploy.sandbox.world import World

RELAYPILOT = Path(sys.executable).with_name("relaypilot")


@pytest.fixture(scope="module")
def world():
    with World.temporary(apis=True) as world:
        yield world


@pytest.fixture(autouse=True)
def healed(world):
    yield
    world.heal()


def run(world, *words, status=0):
    command = [RELAYPILOT, *words, "--config", world.config_path, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    assert "The daemon is not running: asking directly." in done.stderr
    return json.loads(done.stdout)


def findings(found, provider):
    return next(one for one in found["providers"] if one["provider"] == provider)["findings"]


def graves(found, provider):
    return [(f["code"], f["verdict"]) for f in findings(found, provider) if f["verdict"] in ("failed", "warning")]


def test_accounts_that_are_well_are_found_well_and_nothing_is_sent(world):
    before = [len(world.accepted(name)) for name in ("mailgun", "sendgrid", "acme")]
    found = run(world, "check")
    assert {p["provider"]: p["verdict"] for p in found["providers"]}["mailgun"] == "ok"
    assert graves(found, "acme") == []
    # nobody has switched the webhook on; a seed may stand on the list since another test copied it there
    assert {code for code, _ in graves(found, "sendgrid")} - {"seed"} == {"webhook"}
    assert [len(world.accepted(name)) for name in ("mailgun", "sendgrid", "acme")] == before


def test_with_send_a_message_goes_out_by_every_channel(world):
    found = run(world, "check", "--send")
    for name, channels in (("mailgun", ["api", "smtp"]), ("sendgrid", ["api", "smtp"]), ("acme", ["smtp"])):
        tests = [f for f in findings(found, name) if f["code"].startswith("test-")]
        assert sorted(f["code"] for f in tests) == [f"test-{channel}" for channel in channels]
        assert {f["verdict"] for f in tests} == {"ok"}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("suspended", "account"),
        ("auth535", "credentials"),
        ("sender_unverified", "domain"),
        ("down", "reachable"),
    ],
)
def test_a_fallback_that_could_not_carry_the_mail_is_found_before_it_is_needed(world, fault, code):
    world.fault("mailgun", fault)
    found = run(world, "check", status=1)
    assert "failed" in {f["verdict"] for f in findings(found, "mailgun")}
    assert code in {c for c, verdict in graves(found, "mailgun") if verdict == "failed"}
    assert graves(found, "acme") == []


def test_a_name_server_that_is_silent_makes_nothing_missing(world):
    world.fault("host", "dns_down")
    found = run(world, "check", "acme")
    unknown = [f for f in findings(found, "acme") if f["verdict"] == "unknown"]
    assert {f["code"] for f in unknown} == {"spf", "dmarc"}
    assert all("no answer within 5 s; check the name server 127.0.0.1" in f["sentence"] for f in unknown)


def bounce_at_mailgun(world, address):
    """Put an address on the simulated Mailgun's list of bounces, as its API does."""
    client = httpx2.Client(
        auth=("api", (world.layout.secrets / "mailgun_api_key").read_text()),
        verify=ssl.create_default_context(cafile=str(world.ca_file)),
    )
    with client:
        answer = client.post(f"{world.api_url('mailgun')}/v3/{SENDING_DOMAIN}/bounces", data={"address": address})
    assert answer.status_code == 200, answer.text


def test_a_standby_gets_what_it_lacks_but_no_suppressed_seed(world):
    world.fault("gmail-1", "seed_suppressed", "mailgun")
    found = run(world, "check")
    assert ("seed", "warning") in graves(found, "mailgun")
    bounce_at_mailgun(world, "gone@gmail.test")
    dry = run(world, "suppressions", "sync", "--from", "mailgun", "--to", "sendgrid", "--dry-run")
    assert [(one["lacking"], one["added"]) for one in dry["providers"]] == [({"hard-bounce": 1}, 0)]
    done = run(world, "suppressions", "sync", "--from", "mailgun", "--to", "sendgrid")
    assert [one["added"] for one in done["providers"]] == [1]
    again = run(world, "suppressions", "sync", "--from", "mailgun", "--to", "sendgrid")
    assert [(one["lacking"], one["known"]) for one in again["providers"]] == [({}, 1)]
    assert ("seed", "warning") not in graves(run(world, "check"), "sendgrid")
