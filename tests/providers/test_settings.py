import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from pydantic import ValidationError

from providers.base import TlsMode
from providers.presets import presets
from providers.registry import known_kinds, load

LOGIN = {"username": "postmaster@mg.example.org", "password": "hush-hush"}


def settings(kind="smtp", **table):
    return load(kind).settings_model(**{"name": "relay", "kind": kind} | table)


def endpoint(kind="smtp", **table):
    return settings(kind, **table).endpoint()


@pytest.mark.parametrize("kind", known_kinds())
def test_every_setting_is_described(kind):
    for name, field in load(kind).settings_model.model_fields.items():
        assert field.description, name


@pytest.mark.parametrize(
    ("kind", "table", "host"),
    [
        ("mailgun", LOGIN, "smtp.mailgun.org"),
        ("mailgun", LOGIN | {"region": "eu"}, "smtp.eu.mailgun.org"),
        ("mailgun", LOGIN | {"region": "eu", "host": "mx.example.org"}, "mx.example.org"),
        ("sendgrid", {"password": "SG.x"}, "smtp.sendgrid.net"),
        ("sendgrid", {"password": "SG.x", "region": "eu"}, "smtp.eu.sendgrid.net"),
        ("smtp", {"host": "mx.example.org"}, "mx.example.org"),
        ("smtp", {"preset": "ses", "region": "eu-west-1"}, "email-smtp.eu-west-1.amazonaws.com"),
        ("smtp", {"preset": "mailgun-eu"}, "smtp.eu.mailgun.org"),
    ],
)
def test_the_host_follows_kind_region_and_preset(kind, table, host):
    found = endpoint(kind, **table)
    assert (found.host, found.server_name, found.port, found.tls) == (host, host, 587, TlsMode.STARTTLS)


@pytest.mark.parametrize(
    ("table", "tls"),
    [
        ({}, TlsMode.STARTTLS),
        ({"port": 2525}, TlsMode.STARTTLS),
        ({"port": 465}, TlsMode.IMPLICIT),
        ({"port": 2465}, TlsMode.IMPLICIT),
        ({"port": 9999, "tls": "implicit"}, TlsMode.IMPLICIT),
        ({"port": 25, "tls": "none"}, TlsMode.NONE),
    ],
)
def test_the_port_implies_the_tls_mode(table, tls):
    assert endpoint(host="127.0.0.1", **table).tls is tls
    assert settings(preset="resend", port=465).tls is TlsMode.IMPLICIT


def test_sendgrids_user_name_is_always_apikey():
    assert endpoint("sendgrid", password="SG.x").username == "apikey"
    with pytest.raises(ValidationError, match="apikey"):
        settings("sendgrid", password="SG.x", username="me@example.org")


def test_a_preset_brings_its_user_name_once_there_is_a_password():
    assert endpoint(preset="sparkpost", password="x").username == "SMTP_Injection"
    assert endpoint(preset="sparkpost").username is None


def test_a_secret_loses_the_line_end_of_its_file():
    assert endpoint("mailgun", **LOGIN | {"password": "hush-hush\r\n"}).password == "hush-hush"


@pytest.mark.parametrize(
    ("kind", "table", "words"),
    [
        ("smtp", {}, "host\n  Field required"),
        ("smtp", {"preset": "sess"}, 'no preset is called "sess"; known are brevo'),
        ("smtp", {"preset": "ses"}, 'preset "ses" has one host per region; add region'),
        ("smtp", {"host": "mx.example.org", "color": "red"}, "color\n  Extra inputs"),
        ("smtp", {"host": "mx.example.org", "port": "587"}, "port\n  Input should be a valid integer"),
        ("smtp", {"host": "mx example org"}, "host\n  String should match"),
        ("smtp", {"host": "mx.example.org", "port": 465, "tls": "starttls"}, "port 465 starts TLS with the first byte"),
        ("smtp", {"host": "mx.example.org", "port": 587, "tls": "implicit"}, "port 587 uses STARTTLS"),
        ("smtp", {"host": "mx.example.org", "username": "me"}, "username is given and password is not; give both"),
        ("smtp", {"host": "mx.example.org", "password": "x"}, "password is given and username is not; give both"),
        ("smtp", {"host": "127.0.0.1", "tls": "none", **LOGIN}, "no password is sent without TLS; use"),
        ("mailgun", {"password": "x"}, "username\n  Field required"),
        ("mailgun", LOGIN | {"region": "mars"}, "region\n  Input should be 'us' or 'eu'"),
        ("mailgun", LOGIN | {"password": "\n"}, "the secret is empty"),
        ("mailgun", LOGIN | {"password": "a\nb"}, "or holds control characters"),
    ],
)
def test_a_mistake_is_told(kind, table, words):
    with pytest.raises(ValidationError) as caught:
        settings(kind, **table)
    assert words in str(caught.value)


def test_no_secret_is_shown_by_settings_endpoint_or_error():
    shown = repr(settings("mailgun", **LOGIN)) + str(settings("mailgun", **LOGIN)) + repr(endpoint("mailgun", **LOGIN))
    with pytest.raises(ValidationError) as caught:
        settings("mailgun", **LOGIN, region="mars", port=0, unknown=1)
    assert "hush" not in shown + str(caught.value) + repr(caught.value)


def test_every_preset_makes_settings_on_every_port():
    for name, preset in presets().items():
        for port in preset.starttls + preset.implicit:
            found = endpoint(preset=name, region="eu-west-1", port=port)
            assert (found.tls is TlsMode.IMPLICIT) == (port in preset.implicit)
            assert "{" not in found.host


def test_the_wheel_carries_the_presets(tmp_path):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "providers/presets.toml" in names
    assert not [name for name in names if name.startswith("tests")]
