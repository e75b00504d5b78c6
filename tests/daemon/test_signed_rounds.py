"""The daemon's rounds carry the signature that the configuration asks for."""

import base64
import random
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from probes.observation import Signal
from service.clock import SystemClock
from service.config_file import load_config
from service.prober import Prober
from service.setup import set_up
from tests.probes.world import FakeProvider

pytestmark = pytest.mark.anyio
TEXT = """
[probes]
sender = "probe@example.org"
{dkim}

[[provider]]
name = "alpha"
kind = "smtp"
host = "127.0.0.1"

[[seed]]
name = "s1"
receiver = "r"
address = "seed@example.net"
host = "127.0.0.1"
port = 9
tls = "none"
password = {{ env = "SECRET" }}
"""


@pytest.mark.parametrize("signed", [True, False])
async def test_a_round_is_signed_when_a_key_is_configured(tmp_path: Path, signed: bool) -> None:
    key = base64.b64encode(bytes(range(32))).decode()
    dkim = 'dkim_selector = "s"\ndkim_key = { env = "KEY" }' if signed else ""
    (tmp_path / "relaypilot.toml").write_text(TEXT.format(dkim=dkim))
    clock = SystemClock()
    setup = set_up(load_config(tmp_path / "relaypilot.toml", {"SECRET": "x", "KEY": key}), clock)
    provider = FakeProvider("alpha", clock)
    setup = replace(setup, providers={"alpha": provider})
    prober = Prober(setup, clock=clock, rng=random.Random(1), secret=b"k" * 32, tell=lambda _facts: None)
    async with aclosing(prober.run_round([provider], setup.seeds, confirmation=False)) as told:
        async for observation in told:
            assert (observation.signal, observation.signed) == (Signal.ACCEPTANCE, signed)
            break
    await prober.collector.aclose()
    assert provider.messages[0].content.startswith(b"DKIM-Signature: ") is signed
