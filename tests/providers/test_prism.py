"""Prism in the providers' place, serving their official descriptions, finds nothing wrong with our requests."""

import httpx2
import pytest

from providers.base import SubmissionStatus
from tests.providers.api_tour import Tour, adapter
from tests.providers.prism import prism

OF_THE_WRONG_ONE = {
    "mailgun": ["request Supported content types: multipart/form-data"],
    "sendgrid": [
        "request Invalid security scheme used",
        "request.body Request body must have required property 'personalizations'",
        "request.body Request body must have required property 'from'",
    ],
}


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["mailgun", "sendgrid"])
async def test_every_request_of_the_adapter_is_as_described(kind, tmp_path):
    with prism(kind, tmp_path) as mock:
        # Mailgun's checkup asks to send nothing on purpose, which is not as described
        tour = await Tour().take(adapter(kind, mock.url, {"api_key": "any-will-do"}), check=kind != "mailgun")
        async with httpx2.AsyncClient(base_url=mock.url, auth=("api", "key"), trust_env=False) as client:
            wrong = await client.post("/v3/mail/send" if kind == "sendgrid" else "/v3/x/messages", json={})
    assert tour.submission.status is SubmissionStatus.ACCEPTED, tour.submission
    assert 400 <= wrong.status_code < 500
    assert mock.validated() > 8
    assert [v for v in mock.violations() if not v.startswith("response")] == OF_THE_WRONG_ONE[kind]
