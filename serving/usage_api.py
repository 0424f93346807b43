"""`/v1/usage`: what the caller used, and how their limits stand."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AfterValidator, AwareDatetime

from serving.access.caller import Caller
from serving.budget.limits import YUAN
from serving.budget.metered import who_of
from serving.model_names import ModelName
from serving.principal import current_caller
from serving.services import Services

router = APIRouter(prefix="/v1/usage", tags=["usage"])
Calls = Annotated[Caller, Depends(current_caller)]
By = Literal["key", "model", "case_number", "endpoint"]


def _in_our_time(moment: AwareDatetime) -> AwareDatetime:
    """Refuse what cannot be reckoned with: a month before the year 1 is no date."""
    if not 2000 <= moment.year < 2200:
        raise ValueError("应在 2000 年到 2199 年之间")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_in_our_time)]


@router.get("")
async def usage(
    request: Request,
    caller: Calls,
    by: Annotated[By, Query()] = "model",
    since: Annotated[Moment | None, Query()] = None,
    until: Annotated[Moment | None, Query()] = None,
) -> dict[str, Any]:
    """Return the caller's own use by model, endpoint or case number; a month back where not said."""
    services: Services = request.app.state.services
    end = until or datetime.now(UTC)
    start = since or end - timedelta(days=31)
    lines = await services.ledger.usage(by, since=start, until=end, key=caller.key_id)
    return {
        "object": "list",
        "by": by,
        "since": start.isoformat(),
        "until": end.isoformat(),
        "data": [
            {**line.model_dump(exclude={"money"}), "yuan": line.money / YUAN} for line in lines
        ],
    }


@router.get("/limits")
async def limits(
    request: Request, caller: Calls, model: Annotated[ModelName, Query(max_length=200)] = ""
) -> dict[str, Any]:
    """Return how the caller's limits stand now; money in micro-yuan."""
    services: Services = request.app.state.services
    standings = await services.ledger.standings(who_of(caller, model))
    return {"object": "list", "data": [s.model_dump() for s in standings]}
