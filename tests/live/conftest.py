"""Tests against the real services, only for those whose keys stand in the environment; see CONTRIBUTING.md."""

import os

import pytest

from providers.registry import load, make_provider
from service.clock import SystemClock

# Of each kind: what must be in the environment, and the settings made of it.
KEYS = {
    "mailgun": {
        "username": "RELAYPILOT_LIVE_MAILGUN_LOGIN",
        "password": "RELAYPILOT_LIVE_MAILGUN_PASSWORD",
        "api_key": "RELAYPILOT_LIVE_MAILGUN_API_KEY",
    },
    "sendgrid": {"password": "RELAYPILOT_LIVE_SENDGRID_API_KEY"},
    "smtp": {
        "host": "RELAYPILOT_LIVE_SMTP_HOST",
        "username": "RELAYPILOT_LIVE_SMTP_LOGIN",
        "password": "RELAYPILOT_LIVE_SMTP_PASSWORD",
    },
}
ADDRESSES = ("RELAYPILOT_LIVE_SENDER", "RELAYPILOT_LIVE_RECIPIENT")
CHOICES = {"mailgun": {"test_mode": True}, "sendgrid": {"sandbox": True}, "smtp": {}}
LIVE = [kind for kind, names in KEYS.items() if all(os.environ.get(name) for name in (*names.values(), *ADDRESSES))]

collect_ignore_glob = [] if LIVE else ["test_*.py"]


@pytest.fixture(params=LIVE)
def provider(request):
    kind = request.param
    settings = {key: os.environ[name] for key, name in KEYS[kind].items()}
    if region := os.environ.get(f"RELAYPILOT_LIVE_{kind.upper()}_REGION"):
        settings["region"] = region
    model = load(kind).settings_model
    return make_provider(
        model(name=kind, kind=kind, **settings, **CHOICES[kind]),
        clock=SystemClock(),
        stage_timeout_seconds=20.0,
        total_timeout_seconds=60.0,
    )


@pytest.fixture
def sender():
    return os.environ["RELAYPILOT_LIVE_SENDER"]


@pytest.fixture
def recipient():
    return os.environ["RELAYPILOT_LIVE_RECIPIENT"]
