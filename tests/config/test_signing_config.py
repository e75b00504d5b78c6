"""The key that probes are signed with, from the configuration to the signature; and logins that need a word."""

import subprocess
from pathlib import Path

import pytest

from service.clock import SystemClock
from service.config_advice import warnings
from service.config_file import load_config
from service.errors import ConfigError
from service.setup import set_up

BASE = """
[postfix]
log_file = "/dev/null"

[probes]
sender = "probe@news.example.org"
{probes}

[[provider]]
name = "a"
kind = "smtp"
host = "relay.example.net"
username = "me@example.org"
{provider}

[[provider]]
name = "b"
kind = "smtp"
host = "other.example.net"

[[seed]]
name = "gmail-1"
receiver = "gmail"
address = "seed@gmail.example"
host = "127.0.0.1"
password = {{ env = "SECRET" }}
"""
DKIM = 'dkim_selector = "mail2026"\ndkim_key = { file = "dkim.pem" }\n'
PASSWORD = 'password = { env = "SECRET" }'
OAUTH = """auth = "xoauth2"
oauth_token_url = "https://login.example.net/token"
oauth_client_id = "client"
oauth_refresh_token = { env = "SECRET" }
"""


@pytest.fixture(scope="module")
def pem() -> str:
    made = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, text=True, check=True)
    return made.stdout


def loaded(directory: Path, *, probes: str = "", provider: str = PASSWORD, pem: str | None = None):
    path = directory / "relaypilot.toml"
    path.write_text(BASE.format(probes=probes, provider=provider))
    if pem is not None:
        (directory / "dkim.pem").write_text(pem)
        (directory / "dkim.pem").chmod(0o600)
    return load_config(path, {"SECRET": "s3cret"})


def said(config) -> str:
    return " ".join(warnings(config))


def test_a_key_of_several_lines_is_read_and_signs(tmp_path: Path, pem: str) -> None:
    config = loaded(tmp_path, probes=DKIM, pem=pem)
    signer = set_up(config, SystemClock()).signer
    assert signer is not None
    assert (signer.domain, signer.selector) == ("news.example.org", "mail2026")
    signed = signer.sign(b"From: <probe@news.example.org>\r\n\r\nhello\r\n", SystemClock().now())
    assert signed.startswith(b"DKIM-Signature: v=1; a=rsa-sha256;")
    assert "unsigned" not in said(config)
    assert "no DKIM signature" not in said(config)
    assert "PRIVATE KEY" not in repr(config) + repr(signer)


def test_another_domain_may_sign_and_is_told_when_dmarc_does_not_count_it(tmp_path: Path, pem: str) -> None:
    above = loaded(tmp_path, probes=DKIM + 'dkim_domain = "Example.org"', pem=pem)
    assert set_up(above, SystemClock()).signer.domain == "example.org"
    assert "DMARC" not in said(above)
    other = loaded(tmp_path, probes=DKIM + 'dkim_domain = "example.com"', pem=pem)
    assert "probes.dkim_domain example.com is not the domain of probes.sender, news.example.org" in said(other)


def test_unsigned_probes_are_told(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    assert set_up(config, SystemClock()).signer is None
    assert "Probes carry no DKIM signature of your domain" in said(config)


def test_a_key_that_others_can_read_or_that_is_none_is_refused(tmp_path: Path, pem: str) -> None:
    (tmp_path / "dkim.pem").write_text(pem)
    (tmp_path / "dkim.pem").chmod(0o644)
    with pytest.raises(ConfigError, match="open to every user"):
        loaded(tmp_path, probes=DKIM)
    with pytest.raises(ConfigError, match="holds no private key") as caught:
        loaded(tmp_path, probes=DKIM, pem=pem.replace("A", "B"))
    assert pem.splitlines()[3] not in str(caught.value)


def test_other_secrets_still_have_one_line(tmp_path: Path, pem: str) -> None:
    with pytest.raises(ConfigError, match="more than one line"):
        loaded(tmp_path, provider='password = { file = "dkim.pem" }', pem=pem)


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        (OAUTH, "logs in by XOAUTH2, which Postfix cannot do without a SASL plugin"),
        (PASSWORD + '\nauth = "cram-md5"', "logs in by CRAM-MD5 in probes, but Postfix is set to PLAIN and LOGIN"),
    ],
)
def test_a_login_that_postfix_does_not_do_is_told(tmp_path: Path, provider: str, words: str) -> None:
    assert words in said(loaded(tmp_path, provider=provider))
    assert words not in said(loaded(tmp_path))


def test_a_client_certificate_must_belong_to_its_key(tmp_path: Path) -> None:
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mail", "-days", "1"]
    made += ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "own.pem")]
    subprocess.run(made, capture_output=True, check=True)
    files = f'client_certificate_file = "{tmp_path}/own.pem"\nclient_key_file = "{tmp_path}/key.pem"\n'
    config = loaded(tmp_path, provider=PASSWORD + "\n" + files)
    assert set_up(config, SystemClock()).providers["a"].relay_endpoint().client_key_file == f"{tmp_path}/key.pem"
    with pytest.raises(ConfigError, match="not a certificate with its key"):
        loaded(tmp_path, provider=PASSWORD + "\n" + files.replace("key.pem", "own.pem"))
