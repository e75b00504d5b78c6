"""Probes signed with the domain's own key: valid at the receiver, alike through all providers, and marked."""

import base64
import re
from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from probes.observation import Signal
from probes.rounds import session_sweep
from providers.dkim import DkimSigner
from tests.probes.test_collect import make_collector
from tests.probes.test_rounds import everything, the_round
from tests.probes.world import SENDER, FakeProvider, RealClock

pytestmark = pytest.mark.anyio
KEY = ed25519.Ed25519PrivateKey.generate()
SIGNER = DkimSigner(
    domain=SENDER.partition("@")[2], selector="probe", key=base64.b64encode(KEY.private_bytes_raw()).decode()
)
RECORD = b"v=DKIM1; k=ed25519; p=" + base64.b64encode(KEY.public_key().public_bytes_raw())


def deliver_to(dovecot, user):
    return lambda message: dovecot.append(user, "INBOX", message.content)


@pytest.mark.parametrize("signer", [SIGNER, None])
async def test_every_fact_of_a_probe_says_whether_it_was_signed(dovecot, user, signer) -> None:
    clock = RealClock()
    providers = [FakeProvider(name, clock, deliver_to(dovecot, user)) for name in ("alpha", "beta")]
    seed = dovecot.seed(user)
    collector = make_collector(clock, seed)
    told = await everything(the_round(providers, [seed], collector, clock, signer=signer))
    await collector.aclose()
    assert {o.signal for o in told} == {
        *(Signal.ACCEPTANCE, Signal.ARRIVAL, Signal.PLACEMENT, Signal.LATENCY, Signal.AUTHENTICATION)
    }
    assert {o.signed for o in told} == {signer is not None}
    sent = [provider.messages[0].content for provider in providers]
    if signer is None:
        assert not [content for content in sent if b"DKIM-Signature" in content]
        return
    name = f"probe._domainkey.{SIGNER.domain}.".encode()
    for content in sent:
        assert dkim.verify(content, dnsfunc=lambda asked, timeout=5: RECORD if asked == name else None)
    (first, one), (second, other) = map(taken_apart, sent)
    assert first == second
    assert {tag for tag in one if one[tag] != other[tag]} == {"b", "bh"}


def taken_apart(content: bytes) -> tuple[bytes, dict[str, str]]:
    """Return the message without signature and token, and the tags of the signature."""
    head, _, rest = without_token(content).partition(b"\r\nDate:")
    tags = head.decode().replace("\r\n ", "").partition(":")[2].split(";")
    return rest, dict(tag.strip().split("=", 1) for tag in tags)


def without_token(content: bytes) -> bytes:
    token = re.search(rb"X-Relaypilot-Probe: (\S+)", content)
    assert token is not None
    assert content.count(token[1]) == 4
    return content.replace(token[1], b"")


async def test_a_session_check_is_neither_signed_nor_unsigned() -> None:
    clock = RealClock()
    sweep = session_sweep(
        [FakeProvider("alpha", clock)], sender=SENDER, recipient="a@b.test", sweep_id="s1", clock=clock
    )
    assert [o.signed async for o in sweep] == [None]


def test_the_signature_has_the_time_it_is_given() -> None:
    at = datetime(2020, 1, 2, tzinfo=UTC)
    assert f"t={int(at.timestamp())};".encode() in SIGNER.sign(b"From: <a@b>\r\n\r\nx\r\n", at)
