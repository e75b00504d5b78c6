"""What can be asked about the providers' accounts: a check, and copying suppressed addresses."""

from fastapi import APIRouter

from service.api.desk_of import DeskHere
from service.readiness.views import CheckRequest, CheckView, CopyRequest, CopyView

router = APIRouter()


@router.post("/check", summary="Could each provider carry the mail?", tags=["accounts"])
async def check(desk: DeskHere, request: CheckRequest) -> CheckView:
    """Ask each provider's account and the DNS whether it could carry the mail now; sends nothing unless asked."""
    return await desk.accounts.check(request)


@router.post("/suppressions/sync", summary="Copy suppressed addresses", tags=["accounts"])
async def sync(desk: DeskHere, request: CopyRequest) -> CopyView:
    """Add to each target the hard bounces, complaints and unsubscribes that it lacks; a dry run only counts them."""
    return await desk.accounts.copy_suppressions(request)
