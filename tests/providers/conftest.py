import ssl

import pytest
import trustme

from providers.base import Message
from providers.registry import load, make_provider
from service.clock import SystemClock

MESSAGE = Message(
    sender="probe@example.org",
    recipient="seed@example.net",
    content=b"From: probe@example.org\r\nTo: seed@example.net\r\nSubject: hello\r\n\r\n.dot\r\n",
)
NAME = "relay.example.org"


class World:
    """An authority, contexts for relays, providers that reach them, and a clock."""

    def __init__(self, directory):
        self.authority = trustme.CA()
        self.ca_file = str(directory / "ca.pem")
        self.authority.cert_pem.write_to_path(self.ca_file)
        self.clock = SystemClock()

    def server_context(self, name=NAME, **options):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(name, **options).configure_cert(context)
        return context

    @staticmethod
    def stranger_context():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert(NAME).configure_cert(context)
        return context

    def settings(self, kind, port, **changes):
        table = {
            "name": "relay",
            "kind": kind,
            "host": "127.0.0.1",
            "port": port,
            "server_name": NAME,
            "ca_file": self.ca_file,
            "username": "apikey" if kind == "sendgrid" else "postmaster@mg.example.org",
            "password": "correct horse",
        } | changes
        return load(kind).settings_model(**{key: value for key, value in table.items() if value is not None})

    def provider(self, kind, port, *, stage_timeout_seconds=5.0, total_timeout_seconds=20.0, **changes):
        return make_provider(
            self.settings(kind, port, **changes),
            clock=self.clock,
            stage_timeout_seconds=stage_timeout_seconds,
            total_timeout_seconds=total_timeout_seconds,
        )


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("providers"))
