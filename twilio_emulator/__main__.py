"""`python -m twilio_emulator`: start the local Twilio and keep it running until it is told to stop."""

from __future__ import annotations

import gc
import sys

from .server import Server, bind
from .settings import from_arguments


def main() -> int:
    settings = from_arguments()
    try:
        listening = bind(settings.host, settings.port)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        sys.stderr.write(f"The local Twilio cannot listen on {where}: {error.strerror}. Choose another --port.\n")
        return 1
    host, port = listening.getsockname()[:2]
    sys.stdout.write(f"The local Twilio is at http://{host}:{port}/ (replies go to {settings.inbound_url})\n")
    sys.stdout.flush()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # hundreds of thousands of texts live long; looking at them often is costly
    Server(settings, listening).start()
    return 0


if __name__ == "__main__":
    sys.exit(main())
