"""How every error leaves the API: as a problem document, ours or the framework's."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from service.api.problem import MEDIA_TYPE, problem, problem_of
from service.errors import RelaypilotError, UsageError


class WrongInput(BaseModel):
    """One input that could not be accepted."""

    model_config = ConfigDict(frozen=True)

    field: str = Field(description='Where it stands: "body.to", "query.window".')
    detail: str = Field(description="What is wrong with it.")
    rule: str | None = Field(None, description="Which rule of the configuration it breaks.")


class Problem(BaseModel):
    """A problem document (RFC 9457 §3)."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="Names the kind of problem; stable.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What was being done, what was seen, what to do.")
    exit_status: int = Field(description="Exit status of the command line for this problem.")
    errors: tuple[WrongInput, ...] = Field((), description="The inputs that could not be accepted, if that is it.")


class ProblemResponse(JSONResponse):
    """JSON under the media type of problem documents."""

    media_type = MEDIA_TYPE


def answer(document: dict[str, Any], headers: dict[str, str] | None = None) -> ProblemResponse:
    """Return a problem document as a response."""
    return ProblemResponse(document, status_code=document["status"], headers=headers)


def answer_problems(app: FastAPI) -> None:
    """Make the application answer every error with a problem document."""

    @app.exception_handler(RelaypilotError)
    async def ours(_request: Request, error: RelaypilotError) -> ProblemResponse:
        return answer(problem_of(error))

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> ProblemResponse:
        return answer(_http_problem(request, error), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def wrong_input(_request: Request, error: RequestValidationError) -> ProblemResponse:
        wrong = [{"field": ".".join(map(str, one["loc"])), "detail": str(one["msg"])} for one in error.errors()]
        detail = "; ".join(f"{one['field']}: {one['detail']}" for one in wrong)
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return answer(problem("wrong-input", status, detail, exit_status=UsageError.exit_status, errors=wrong))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> ProblemResponse:
        structlog.get_logger(__name__).error("api error", path=request.url.path, error=type(error).__name__)
        detail = f"{request.method} {request.url.path} met an unexpected {type(error).__name__}; the log has the rest."
        return answer(problem("internal-error", HTTPStatus.INTERNAL_SERVER_ERROR, detail))


def _http_problem(request: Request, error: HTTPException) -> dict[str, Any]:
    status = HTTPStatus(error.status_code)
    detail = error.detail
    if status is HTTPStatus.NOT_FOUND:
        detail = f"There is nothing at {request.url.path}; /docs lists what there is."
    elif status is HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{request.method} is not possible at {request.url.path}; /docs lists what is."
    return problem(status.phrase.lower().replace(" ", "-"), status, detail, title=status.phrase)
