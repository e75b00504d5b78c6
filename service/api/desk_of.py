"""The daemon's desk, as routes ask for it."""

from typing import Annotated, cast

from fastapi import Depends, Request

from service.desk import Desk


def desk_of(request: Request) -> Desk:
    """Return the desk that the application was made with."""
    return cast(Desk, request.app.state.desk)


DeskHere = Annotated[Desk, Depends(desk_of)]
