"""SendGrid's way of saying no: a list of errors, each with a message and the field it is about."""

from deploy.sandbox.http_message import Response, json_response


def errors(status: int, message: str, field: str | None = None, **headers: str) -> Response:
    """Return an answer with one error."""
    return json_response(status, {"errors": [{"message": message, "field": field}]}, **headers)


def complaint(status: int, message: str) -> Response:
    """Return an answer with one error of the newer endpoints, which name no field where there is none."""
    return json_response(status, {"errors": [{"message": message}]})
