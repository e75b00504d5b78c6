import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from pydantic import ValidationError

from providers.base import TlsMode
from providers.registry import known_kinds, load

LOGIN = {"username": "postmaster@mg.example.org", "password": "hush-hush"}
HOST = {"host": "mx.example.org"}
OAUTH = HOST | {"username": "me@example.org", "auth": "xoauth2", "oauth_token_url": "https://login.example.net/token"}
OAUTH |= {"oauth_client_id": "client", "oauth_client_secret": "hush-secret", "oauth_refresh_token": "hush-refresh\n"}


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
        ("smtp", HOST | {"auth": "digest-md5"}, "auth\n  Input should be 'plain', 'login', 'cram-md5' or 'xoauth2'"),
        ("smtp", HOST | {"auth": "login"}, 'auth = "login" without username; add it'),
        ("smtp", HOST | {"auth": "xoauth2"}, 'auth = "xoauth2" is given and username is not'),
        ("smtp", HOST | {"username": "me", "auth": "xoauth2"}, "without oauth_token_url and oauth_client_id"),
        ("smtp", HOST | {"username": "me", "auth": "login"}, "username is given and password is not"),
        (
            "smtp",
            OAUTH | {"oauth_refresh_token": None, "oauth_client_secret": None},
            "neither oauth_client_secret nor oauth_refresh_token",
        ),
        ("smtp", OAUTH | {"password": "x"}, 'a password has no use with auth = "xoauth2"; remove it'),
        ("smtp", OAUTH | {"oauth_refresh_token": "a\nb"}, "or holds control characters"),
        ("smtp", OAUTH | {"oauth_token_url": "http://login.example.net/"}, "a key would be sent in clear"),
        ("smtp", OAUTH | {"oauth_token_url": "login.example.net"}, "is not of the form https://HOST"),
        ("smtp", HOST | LOGIN | {"oauth_scope": "mail"}, 'oauth_scope is for auth = "xoauth2" only'),
        ("smtp", HOST | {"client_key_file": "/k.pem"}, "client_certificate_file is not; give both"),
        ("smtp", HOST | {"source_address": "eth0"}, '"eth0" is no IP address; write one of this machine'),
        ("mailgun", {"password": "x"}, "username\n  Field required"),
        ("mailgun", LOGIN | {"region": "mars"}, "region\n  Input should be 'us' or 'eu'"),
        ("mailgun", LOGIN | {"password": "\n"}, "the secret is empty"),
        ("mailgun", LOGIN | {"password": "a\nb"}, "or holds control characters"),
    ],
)
def test_a_mistake_is_told(kind, table, words):
    with pytest.raises(ValidationError) as caught:
        settings(kind, **{key: value for key, value in table.items() if value is not None})
    assert words in str(caught.value)


def test_no_secret_is_shown_by_settings_endpoint_or_error():
    shown = repr(settings("mailgun", **LOGIN)) + str(settings("mailgun", **LOGIN)) + repr(endpoint("mailgun", **LOGIN))
    with pytest.raises(ValidationError) as caught:
        settings("mailgun", **LOGIN, region="mars", port=0, unknown=1)
    assert "hush" not in shown + str(caught.value) + repr(caught.value)


def test_the_endpoint_carries_the_client_certificate_and_no_secret_of_oauth():
    found = endpoint(**OAUTH, client_certificate_file="/c.pem", client_key_file="/k.pem")
    assert (found.client_certificate_file, found.client_key_file) == ("/c.pem", "/k.pem")
    assert (found.username, found.password) == ("me@example.org", None)


def test_what_tokens_are_asked_for_with_hides_its_secrets():
    read = settings(**OAUTH)
    grant = read.grant()
    assert (grant.client_secret, grant.refresh_token) == ("hush-secret", "hush-refresh")
    assert "hush" not in repr(grant) + repr(read) + repr(read.login(None))
    assert settings(**HOST).grant() is None


def test_the_wheel_carries_the_presets(tmp_path):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "providers/presets.toml" in names
    assert not [name for name in names if name.startswith("tests")]
