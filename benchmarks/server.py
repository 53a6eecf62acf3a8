"""A server with the few responses that the benchmarks need, as fast as Python sends them.

It runs in a separate process, on uvloop, and prints its port. It checks nothing, since the client is measured.
"""

import asyncio
import itertools
import json
import sys
from typing import cast

import payloads
import uvloop

HEADERS = (
    "Date: Mon, 01 Jun 2026 12:00:00 GMT\r\n"
    "Content-Type: application/json\r\n"
    "X-RateLimit-Limit: 1000000000\r\n"
    "X-RateLimit-Remaining: 999999999\r\n"
    "X-RateLimit-Reset: 4000000000\r\n"
    "Content-Length: "
)


def response(status: str, payload: object) -> bytes:
    """Return a whole response, as bytes."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return f"HTTP/1.1 {status}\r\n{HEADERS}{len(body)}\r\n\r\n".encode() + body


INTERVIEW = response("200 OK", {"success": True, "meeting": payloads.interview(1)})
CREATED = response("201 Created", {"success": True, "meeting": payloads.created()})
NO_KEY = b"bply_org_00000000000000000000000000000000"  # a number replaces it: no two customers have the same key
MINTED = response("201 Created", {"success": True, "apiKey": NO_KEY.decode()})
KEYS = itertools.count()
PAGE = response("200 OK", payloads.page(100))
RESPONSES = (
    (b"GET /api/integration/interviews/", INTERVIEW),
    (b"GET /api/integration/interviews", PAGE),
    (b"POST /api/integration/interviews", CREATED),
    (b"POST /api/server-auth/create-api-key", MINTED),
)


class Responding(asyncio.Protocol):
    """Respond to each complete request."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods alone
        self.received = b""

    def data_received(self, data: bytes) -> None:
        """Read bytes, and respond to each complete request."""
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            head = self.received[:end]
            _, found, rest = head.lower().partition(b"content-length:")
            size = int(rest.partition(b"\r\n")[0]) if found else 0
            if len(self.received) < end + 4 + size:
                return
            self.received = self.received[end + 4 + size :]
            reply = next(reply for start, reply in RESPONSES if head.startswith(start))
            self.transport.write(reply.replace(NO_KEY, b"bply_org_%032d" % next(KEYS)) if reply is MINTED else reply)


async def serve() -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Responding, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    sys.exit(uvloop.run(serve()))
