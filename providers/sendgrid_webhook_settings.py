"""Whether SendGrid posts its events signed with the key that we verify ("Event Webhook": all settings)."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from providers.checkup import Finding, Verdict
from providers.errors import CallError
from providers.sendgrid_api import SendgridApi
from providers.untrusted import as_list, as_mapping, as_text

_WANTED = ("processed", "delivered", "deferred", "bounce", "dropped", "spam_report")
_WHERE = "at SendGrid (Settings, Mail Settings, Event Webhooks)"


async def webhook_finding(api: SendgridApi, public_key: str) -> Finding:
    """Return whether a webhook of the account uses this key, is switched on and tells what is needed."""
    what = "reading the event webhooks"
    try:
        answer = await api.ask(what, "GET", "/v3/user/webhooks/event/settings/all")
    except CallError as error:
        return Finding(
            code="webhook",
            verdict=Verdict.UNKNOWN,
            sentence=f"Whether SendGrid posts events with this key is not known: {error}",
            remedy="Give the API key the permission user.webhooks.event.settings.read to have this checked.",
        )
    hooks = [as_mapping(hook) for hook in as_list(as_mapping(answer).get("webhooks"))]
    signed = [hook for hook in hooks if "".join(as_text(hook.get("public_key")).split()) == public_key]
    if not signed:
        return _warning(
            "No event webhook of the account is signed with webhook_public_key: all its requests would be refused.",
            f"Switch on Signed Event Webhook {_WHERE} and copy its verification key into webhook_public_key.",
        )
    hook = max(signed, key=lambda hook: hook.get("enabled") is True)
    host = urlsplit(as_text(hook.get("url"))).netloc.rpartition("@")[2] or "an address that is not told"
    if hook.get("enabled") is not True:
        return _warning(f"The event webhook to {host} is switched off.", f"Switch it on {_WHERE}.")
    if missing := _untold(hook):
        return _warning(f"The event webhook to {host} does not tell: {missing}.", f"Tick these events {_WHERE}.")
    return Finding(
        code="webhook", verdict=Verdict.OK, sentence=f"SendGrid posts signed events to {host}, with the key known here."
    )


def _untold(hook: Mapping[str, Any]) -> str:
    return ", ".join(name for name in _WANTED if hook.get(name) is not True)


def _warning(sentence: str, remedy: str) -> Finding:
    return Finding(code="webhook", verdict=Verdict.WARNING, sentence=sentence, remedy=remedy)
