"""Start the ATS and a sandbox with ``python examples/ats [PORT]``, without a key and without network access."""

import os
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import uvicorn
from ats import app
from cryptography.fernet import Fernet

from boooply.sandbox import Limits, Sandbox


def main() -> None:
    """Serve until Ctrl-C, and delete the store and the sandbox's data afterwards."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    with socket.create_server(("127.0.0.1", port)) as listening, tempfile.TemporaryDirectory() as place:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with Sandbox(limits=Limits(), webhook_url=f"{address}/webhooks/boooply") as sandbox:
            os.environ |= {
                "BOOOPLY_BASE_URL": sandbox.base_url,
                "BOOOPLY_PLATFORM_KEY": sandbox.platform_key,
                "BOOOPLY_WEBHOOK_SECRET": sandbox.webhook_secret,
                "BOOOPLY_STORE_URL": f"sqlite:///{Path(place, 'boooply.db')}",
                "BOOOPLY_STORE_KEY": Fernet.generate_key().decode(),
                "ATS_DATABASE": str(Path(place, "ats.db")),
                "ATS_CONSOLE": sandbox.base_url,
            }
            print(
                f"Talentry, the ATS:   {address}\nSandbox console:     {sandbox.base_url}\nStop both with Ctrl-C.",
                flush=True,
            )
            # uvicorn raises the signal again when it has shut down
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
            with suppress(KeyboardInterrupt):
                uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])


if __name__ == "__main__":
    main()
