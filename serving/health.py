"""`/healthz` (alive), `/readyz` (what works, 503 without layers) and `/metrics`."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from serving.metrics import CONTENT_TYPE
from serving.services import Services

router = APIRouter()


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process lives."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """`ready`, `degraded` (no model or no knowledge base) or, with 503, `unavailable` (no layers)."""
    services: Services = request.app.state.services
    parts = await services.state()
    ready = parts["layers"].ok
    status = "ready" if all(p.ok for p in parts.values()) else "degraded"
    body: dict[str, Any] = {
        "status": status if ready else "unavailable",
        "parts": {name: part.model_dump() for name, part in parts.items()},
    }
    return JSONResponse(body, 200 if ready else 503)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Prometheus text format."""
    services: Services = request.app.state.services
    services.metrics.gauges.look(services.client.pool, services.ledger)
    return Response(services.metrics.render(), media_type=CONTENT_TYPE)
