"""The data of well-known relays: its shape, and its hosts and ports against an independent list."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from providers.base import TlsMode
from providers.presets import presets
from providers.registry import load
from providers.smtp_login import LoginMethod
from tests.node.peers import MODULES

KNOWN = {"starttls": {25, 587, 2525, 2587}, "implicit": {465, 2465}}
KEYS = {"title", "host", "starttls", "implicit", "username", "max_message", "auth", "limits"}
# the same relays in nodemailer's list of well-known services
NODEMAILER = {
    "ses": "SES-EU-WEST-1",
    "postmark": "Postmark",
    "brevo": "SendinBlue",
    "sparkpost": "Sparkpost",
    "resend": "Resend",
    "gmail-relay": "GmailWorkspace",
    "office365": "Outlook365",
    "mailgun": "Mailgun",
    "sendgrid": "SendGrid",
}
TABLES = tomllib.loads((Path(__file__).parents[2] / "providers/presets.toml").read_text())


@pytest.mark.parametrize("name", presets())
def test_a_preset_is_whole_and_plausible(name):
    row, preset = TABLES[name], presets()[name]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert set(row) <= KEYS
    assert preset.title == preset.title.strip() != ""
    assert re.fullmatch(r"(?:[a-z0-9-]+\.|\{region\}\.)+[a-z]{2,}", preset.host)
    assert preset.starttls[0] in (587, 465)
    for kind, known in KNOWN.items():
        ports = getattr(preset, kind)
        assert set(ports) <= known
        assert len(set(ports)) == len(ports)
    assert preset.max_message_bytes is None or 1_000_000 <= preset.max_message_bytes <= 100_000_000
    assert preset.auth is None or preset.auth in set(LoginMethod)
    assert all(re.fullmatch(r"[a-z0-9].*[^.\s]", limit) for limit in preset.limits)


def test_no_two_presets_are_the_same_relay():
    hosts = [preset.host for preset in presets().values()]
    assert sorted(set(hosts)) == sorted(hosts)
    assert {name.removesuffix("-eu") for name in presets() if name.endswith("-eu")} <= set(presets())


def test_the_relays_that_people_ask_for_are_there():
    assert set(NODEMAILER) | {"postmark-broadcast", "sparkpost-eu", "mailjet", "mailgun-eu", "sendgrid-eu"} == set(
        presets()
    )


@pytest.mark.parametrize("name", NODEMAILER)
def test_hosts_and_ports_agree_with_nodemailers_list(name):
    listed = json.loads((MODULES / "nodemailer/dist/well-known/services.json").read_text())[NODEMAILER[name]]
    preset = presets()[name]
    assert preset.host.format(region="eu-west-1") == listed["host"]
    assert listed["port"] in (preset.implicit if listed.get("secure") else preset.starttls)


@pytest.mark.parametrize("kind", ["mailgun", "sendgrid"])
def test_the_presets_of_providers_with_an_adapter_agree_with_it(kind):
    for name, region in ((kind, "us"), (f"{kind}-eu", "eu")):
        table = {"name": "x", "kind": kind, "region": region, "password": "x"}
        table |= {"username": "a@example.org"} if kind == "mailgun" else {}
        found = load(kind).settings_model(**table)
        assert presets()[name].host == found.host
        assert found.port in presets()[name].starttls
        assert presets()[name].max_message_bytes == load(kind).capabilities.max_message_bytes


@pytest.mark.parametrize("name", presets())
def test_every_documented_port_makes_settings_with_its_tls_mode(name):
    preset = presets()[name]
    for port in preset.starttls + preset.implicit:
        table = {"name": "x", "kind": "smtp", "preset": name, "port": port}
        table |= {"region": "eu-west-1"} if "{region}" in preset.host else {}
        found = load("smtp").settings_model(**table)
        assert found.endpoint().tls is (TlsMode.IMPLICIT if port in preset.implicit else TlsMode.STARTTLS)
        assert found.max_message_bytes() == preset.max_message_bytes


def test_a_preset_brings_its_login_method_where_no_password_is_given():
    oauth = {"username": "a@example.org", "oauth_token_url": "https://login.example.net/token", "oauth_client_id": "c"}
    oauth |= {"oauth_refresh_token": "r"}
    model = load("smtp").settings_model
    assert model(name="x", kind="smtp", preset="office365", **oauth).auth is LoginMethod.XOAUTH2
    by_password = model(name="x", kind="smtp", preset="office365", username="a@example.org", password="p")
    assert by_password.auth is None
