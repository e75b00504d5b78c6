import ssl

import pytest
import trustme

from service.clock import SystemClock


class World:
    """An authority, contexts for relays, and a clock."""

    def __init__(self, directory):
        self.authority = trustme.CA()
        self.ca_file = directory / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca_file))
        self.clock = SystemClock()

    def server_context(self, name="relay.example.org", **options):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(name, **options).configure_cert(context)
        return context


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("providers"))
