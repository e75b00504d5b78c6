"""How each provider's HTTP API says the same things: what the contract asks of an adapter with that channel.

Status and body; a header may follow. Wordings are the providers' own, from their API descriptions and public reports.
"""

import json

from tests.providers.http_server import http


def _mailgun(status, message):
    return http(status, json.dumps({"message": message}), Content_Type="application/json")


def _sendgrid(status, message, **headers):
    errors = {"errors": [{"message": message, "field": None, "help": None}]}
    return http(status, json.dumps(errors), Content_Type="application/json", **headers)


# Every kind with an API channel must be here, or the build fails.
API_ANSWERS = {
    "mailgun": {
        "accepted": http(200, '{"id": "<m-1@mg.example.org>", "message": "Queued. Thank you."}'),
        "deferred": _mailgun(500, "Internal Server Error"),
        "rejected": _mailgun(400, "'from' parameter is missing"),
        "unauthorised": http(401, "Forbidden"),
        "quota": _mailgun(
            420,
            "Domain mg.example.org is not allowed to send: recipient limit exceeded, "
            "try again after Mon, 25 Aug 2025 07:00:31 UTC",
        ),
        "rate": _mailgun(429, "account-requests-per-sec limit exceeded, try again after 120 seconds"),
        "size": _mailgun(413, "Request Entity Too Large"),
        "nonsense": http(200, "Mailgun Magnificent API"),
    },
    "sendgrid": {
        "accepted": http(202, "", X_Message_Id="m-1@mg.example.org"),
        "deferred": _sendgrid(503, "service unavailable"),
        "rejected": _sendgrid(400, "The content value must be a string at least one character in length."),
        "unauthorised": _sendgrid(401, "The provided authorization grant is invalid, expired, or revoked"),
        "quota": _sendgrid(401, "Maximum credits exceeded"),
        "rate": _sendgrid(429, "too many requests", X_RateLimit_Remaining="0", Retry_After="120"),
        "size": _sendgrid(413, "payload too large"),
        "nonsense": http(404, "not found"),
    },
    "example": {
        "accepted": http(200, '{"id": "m-1@mg.example.org"}'),
        "deferred": http(500, "out of order"),
        "rejected": http(422, "no subject"),
        "unauthorised": http(401, "who are you?"),
        "quota": http(402, "paid up?"),
        "rate": http(429, "slowly", Retry_After="120"),
        "size": http(413, "too large"),
        "nonsense": http(200, "welcome"),
    },
}
API_SETTINGS = {
    "mailgun": lambda url: {"api_key": "key-0815-4711-0815", "api_url": url},
    "sendgrid": lambda url: {"api_key": "SG.key-0815-4711-0815", "api_url": url},
    "example": lambda url: {"api_key": "key-0815-4711-0815", "api_url": url},
}
KEY = "0815-4711-0815"
