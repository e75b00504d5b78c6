import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.probes.dovecot import Dovecot, make_dovecot


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    if os.getuid() != 0 or shutil.which("dovecot", path=f"/usr/sbin:{os.environ['PATH']}") is None:
        pytest.skip("needs root and Dovecot: it starts a private IMAP server")
    root = Path(tempfile.mkdtemp(prefix="relaypilot-dovecot-"))
    server = make_dovecot(root)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(root)


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """A mailbox of its own for each test."""
    return f"u{abs(hash(request.node.nodeid)) % 10**12}"
