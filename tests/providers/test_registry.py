import sys
import tomllib
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from providers.base import Capabilities, Channel, SubmissionStatus
from providers.errors import BrokenAdapterError, DuplicateKindError, UnknownKindError
from providers.failure import Category
from providers.mailgun import MailgunProvider
from providers.registry import GROUP, known_kinds, load
from providers.sendgrid import SendgridProvider
from providers.smtp import SmtpProvider
from tests.providers.conftest import EXAMPLE, MESSAGE, declared_by_the_example, installed_at
from tests.providers.relay import Relay


class Nothing:
    """No adapter at all."""


class Misnamed(SmtpProvider):
    """An adapter under another name than its own."""

    kind = "other"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return a function that installs a distribution with these entry points, as an installer leaves it."""

    def install(points, package=None):
        target = tmp_path / f"target{len(list(tmp_path.iterdir()))}"
        installed_at(target, points, package)
        monkeypatch.syspath_prepend(str(target))

    yield install
    sys.modules.pop("relaypilot_example", None)


def test_the_built_in_adapters_are_found():
    assert [load(kind) for kind in ("smtp", "mailgun", "sendgrid")] == [SmtpProvider, MailgunProvider, SendgridProvider]


def test_the_distribution_declares_every_built_in_adapter():
    declared = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    declared = declared["project"]["entry-points"][GROUP]
    assert declared == known_kinds(points=())


def test_an_unknown_kind_is_told_with_the_known_ones():
    with pytest.raises(UnknownKindError, match='"mailgum": no such adapter; known are mailgun, sendgrid, smtp'):
        load("mailgum")


@pytest.mark.anyio
async def test_an_adapter_outside_loads_by_its_entry_point(installed, world):
    installed(declared_by_the_example(), EXAMPLE / "relaypilot_example")
    assert "example" in known_kinds()
    adapter = load("example")
    assert (adapter.kind, adapter.capabilities) == ("example", Capabilities(channels=(Channel.SMTP, Channel.API)))
    answers = {"mail": "450 time for tea"}
    async with Relay(tls_context=world.server_context(), answers=answers).running() as relay:
        found = await world.provider("example", relay.port).submit(MESSAGE)
    assert (found.status, found.failure.category, found.failure.rule) == (
        SubmissionStatus.DEFERRED,
        Category.RATE,
        "example-tea",
    )


def test_two_claims_to_one_kind_are_an_error(installed):
    installed({"mailgun": "elsewhere:Mailgun"})
    with pytest.raises(DuplicateKindError, match=r'"mailgun" is claimed by .* and by .*; uninstall'):
        load("smtp")


def test_the_same_claim_twice_is_one():
    points = [*entry_points(group=GROUP), EntryPoint("smtp", "providers.smtp:SmtpProvider", GROUP)]
    assert known_kinds(points) == known_kinds(points=())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("no_such_module_here:Thing", "No module named 'no_such_module_here'"),
        ("tests.providers.test_registry:Missing", "has no attribute 'Missing'"),
        ("tests.providers.test_registry:Nothing", "lacks settings_model, capabilities, reply_rules"),
        ("tests.providers.test_registry:Misnamed", "calls itself 'other'"),
    ],
)
def test_what_is_no_adapter_is_told(installed, value, words):
    installed({"extra": value})
    with pytest.raises(BrokenAdapterError, match=words):
        load("extra")
