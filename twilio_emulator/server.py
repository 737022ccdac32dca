"""uvicorn, with a port that can be closed for a while and connections that can be dropped."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .app import Emulator
from .exchange import TRANSPORT
from .settings import Settings

BACKLOG = 2048


class Connection(HttpToolsProtocol):
    """Hands its transport to the application, which drops connections on purpose."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: self.transport}  # type: ignore[dict-item]


class Server(uvicorn.Server):
    """Serves one application on one port until SIGTERM or Ctrl-C."""

    def __init__(self, settings: Settings, listening: socket.socket) -> None:
        app = Emulator(settings)
        app.control.listener = self
        config = uvicorn.Config(
            app,
            loop="uvloop",
            http=Connection,
            ws="none",
            proxy_headers=False,
            lifespan="on",
            backlog=BACKLOG,
            log_level="info" if settings.verbose else "error",
            access_log=settings.verbose,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._address = listening.getsockname()
        self._listening = listening

    def start(self) -> None:
        self.run(sockets=[self._listening])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop in good order and leave with status 0, where uvicorn would raise the signal once more."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Requests that hang on purpose must not hold up the end."""
        self._drop_connections(keep=None)
        await super().shutdown(sockets)

    def close_for(self, seconds: float, keep: object) -> None:
        """Refuse connections for `seconds`; those that exist are dropped, except the one that asked."""
        for listener in self.servers:
            listener.close()
        self.servers.clear()
        kept = keep.get(TRANSPORT) if isinstance(keep, dict) else None
        self._drop_connections(keep=kept)
        asyncio.get_running_loop().call_later(seconds, lambda: asyncio.ensure_future(self._reopen()))

    async def _reopen(self) -> None:
        if self.should_exit:
            return
        self._listening.close()
        self._listening = bind(*self._address)
        listener = await asyncio.get_running_loop().create_server(
            self._make_connection, sock=self._listening, backlog=BACKLOG
        )
        self.servers.append(listener)

    def _make_connection(self) -> Connection:
        return Connection(self.config, self.server_state, self.lifespan.state)

    def _drop_connections(self, keep: object) -> None:
        for connection in list(self.server_state.connections):
            if connection.transport is not keep:
                connection.transport.abort()


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Raises OSError where it is taken."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening
