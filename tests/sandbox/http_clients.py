"""Clients of the simulated HTTP APIs that hold every answer to the provider's official description."""

import re
import ssl

import httpx2

from deploy.sandbox.people import PROBE_SENDER
from deploy.sandbox.world import World
from tests.corpus.official import official

SEED = "seed-1@gmail.test"
DOMAIN = "example.test"
# What the providers really answer and their descriptions do not say.
UNDESCRIBED = {
    ("mailgun", 401),  # on all but sending and domains
    ("mailgun", 403),
    ("mailgun", 404),
    ("mailgun", 413),
    ("mailgun", 420),
    ("mailgun", 429),
    ("mailgun", 503),
    ("sendgrid", 200),  # sandbox mode
    ("sendgrid", 400),
    ("sendgrid", 401),
    ("sendgrid", 403),
    ("sendgrid", 404),
    ("sendgrid", 406),
    ("sendgrid", 429),
    ("sendgrid", 451),
    ("sendgrid", 503),
}


class Client:
    """One client of one provider's API."""

    def __init__(self, world: World, provider: str, *, key: str = "api_key", **options: object) -> None:
        self.provider = provider
        context = ssl.create_default_context(cafile=str(world.ca_file))
        key = world.keys(provider).get(key, key)
        if provider == "mailgun":
            options["auth"] = ("api", key)
        else:
            options["headers"] = {"Authorization": f"Bearer {key}"}
        self.http = httpx2.Client(
            verify=context, base_url=world.api_url(provider), timeout=5, trust_env=False, **options
        )

    def ask(self, method: str, target: str, **content: object) -> httpx2.Response:
        """Ask, and check the answer's shape."""
        answer = self.http.request(method, target, **content)
        faults = official(self.provider).answer_faults(
            method,
            described_target(str(answer.request.url.raw_path, "ascii")),
            answer.status_code,
            answer.headers.get("content-type", ""),
            answer.content,
        )
        if faults != ["undescribed"] or (self.provider, answer.status_code) not in UNDESCRIBED:
            assert faults == [], f"{method} {target}: {answer.status_code} {answer.text[:500]}"
        return answer

    def get(self, target: str) -> object:
        """Return the JSON of a successful GET."""
        answer = self.ask("GET", target)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, recipient: str = SEED, **changes: object) -> httpx2.Response:
        """Send one message in the provider's own way; `changes` replace fields, None leaves one out."""
        if self.provider == "sendgrid":
            mail = {
                "personalizations": [{"to": [{"email": recipient}]}],
                "from": {"email": PROBE_SENDER},
                "subject": "a test",
                "content": [{"type": "text/plain", "value": "Hello."}],
            } | changes
            return self.ask("POST", "/v3/mail/send", json={k: v for k, v in mail.items() if v is not None})
        fields = {"from": PROBE_SENDER, "to": recipient, "subject": "a test", "text": "Hello."} | changes
        return self.ask("POST", f"/v3/{DOMAIN}/messages", files=form(fields))


def form(fields: dict[str, object]) -> list[tuple[str, tuple[None, str]]]:
    """Return fields as multipart; a list becomes several fields of one name, None none."""
    pairs = [(n, v) for n, vs in fields.items() for v in (vs if isinstance(vs, list) else [vs]) if v is not None]
    return [(name, (None, value)) for name, value in pairs]


def described_target(target: str) -> str:
    """Return the target as the description has it: it does not say that further pages of events are paths below."""
    return re.sub(r"/events/.+", "/events", target)
