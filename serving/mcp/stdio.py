"""The server over standard input and output, for the person at this machine."""

from mcp.server.stdio import stdio_server

from cspon.errors import CsponError
from cspon.settings import Settings
from serving.access.caller import LOCAL, Caller
from serving.assembly import open_embedder, open_knowledge_base
from serving.mcp.server import Context, make_server, new_request_id
from serving.services import Services, one_line, start_services


async def serve_stdio(settings: Settings) -> None:
    """Serve until the client closes the input.

    Raises:
        SetupError: the keys or the record cannot be opened.
    """
    services = start_services(settings)
    try:
        _open_base(services)
        server = make_server(services, _local)
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())
    finally:
        await services.close()


def _open_base(services: Services) -> None:
    """Open the base; without it the spatial tools still work, and the readings say why they do not."""
    try:
        services.embedder = open_embedder(services.settings)
        services.knowledge_base = open_knowledge_base(services.settings, services.embedder)
    except CsponError as error:
        services.missing["store"] = one_line(error)


def _local(_: Context) -> tuple[Caller, str]:
    return LOCAL, new_request_id()
