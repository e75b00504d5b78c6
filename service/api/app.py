"""The application: every path of the API over one desk."""

import asyncio
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from service.api import accounts, acting, pages, reading
from service.api.bearer import BearerToken
from service.api.problem import MEDIA_TYPE
from service.api.problem_response import Problem, answer_problems
from service.api.short_bodies import ShortBodies
from service.desk import Desk
from service.version import version

_PROBLEM = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "Refused: wrong input, no such provider, a safety rule stands against it …", **_PROBLEM},
    "5XX": {"description": "Failed: Postfix could not be moved, the store cannot be written …", **_PROBLEM},
}
_KEEP_ALIVE_SECONDS = 15.0


def create_app(desk: Desk, *, token: str | None, keep_alive_seconds: float = _KEEP_ALIVE_SECONDS) -> FastAPI:
    """Return the API over this desk; with a token, everything that shows or changes something needs it."""
    app = FastAPI(
        title="relaypilot",
        version=version(),
        description="Which relay provider works, why, and which one carries mail. Errors are problem documents.",
        docs_url=None,  # ours is at /docs: the framework's page loads scripts from elsewhere
        redoc_url=None,
    )
    app.state.desk = desk
    app.state.keep_alive_seconds = keep_alive_seconds
    app.state.stopping = asyncio.Event()  # set when the server stops: ends the streams
    app.include_router(reading.router, prefix="/v1", responses=_PROBLEMS)
    app.include_router(acting.router, prefix="/v1", responses=_PROBLEMS)
    app.include_router(accounts.router, prefix="/v1", responses=_PROBLEMS)
    app.include_router(pages.router)
    answer_problems(app)
    app.add_middleware(ShortBodies)
    if token is not None:
        app.add_middleware(BearerToken, token=token)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, with the models that only streams and errors use."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        models = [(model, "serialization") for model in (Problem, *acting.STREAMED_MODELS)]
        _, extra = models_json_schema(models, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
        components = document.setdefault("components", {})
        components.setdefault("schemas", {}).update(extra["$defs"])
        components["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "description": "Over TCP; the unix socket needs none."}
        }
        document["security"] = [{"token": []}]
        document["paths"]["/healthz"]["get"]["security"] = []
        app.openapi_schema = document
    return app.openapi_schema
