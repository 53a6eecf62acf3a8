"""The integration with language models: a server for the Model Context Protocol (the extra ``mcp``).

``boooply mcp`` runs the server. In your own program:

    async with open_server() as server:
        await serve_stdio(server)
"""

from boooply.extras import naming_extra

try:
    from boooply.integrations.mcp.server import open_server
    from boooply.integrations.mcp.serving import HTTP_PATH, HTTP_PORT, serve_http, serve_stdio
except ModuleNotFoundError as _missing:
    raise naming_extra(_missing, __name__) from None

__all__ = ["HTTP_PATH", "HTTP_PORT", "open_server", "serve_http", "serve_stdio"]
