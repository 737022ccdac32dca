"""One HTTP request and its answer, as thin as the speed of creates asks for."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from .errors import ControlError, TwilioError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

TRANSPORT = "twilio_emulator.transport"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Request:
    """A request whose body has been read."""

    __slots__ = ("body", "method", "path", "receive", "scope")

    def __init__(self, scope: Scope, receive: Receive, body: bytes) -> None:
        self.scope = scope
        self.receive = receive
        self.body = body
        self.method: str = scope["method"]
        self.path: str = scope["path"]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.scope["query_string"].decode("ascii", "replace"), keep_blank_values=True))

    @property
    def uri(self) -> str:
        """Path and query as the client sent them, for Twilio's paging fields."""
        query = self.scope["query_string"].decode("ascii", "replace")
        return f"{self.path}?{query}" if query else self.path

    def header(self, name: bytes) -> bytes:
        for key, value in self.scope["headers"]:
            if key == name:
                return bytes(value)
        return b""

    def form(self) -> dict[str, str]:
        """Form fields; of a repeated one the last."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json(self) -> dict[str, Any]:
        """The JSON object in the body, {} for an empty body. Raises ControlError for anything else."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise ControlError('the body must be a JSON object, for example {"kind": "429", "count": 1}')
        return value

    async def wait_for_hang_up(self, seconds: float) -> bool:
        """Wait until the client goes away, at most `seconds`; says whether it did."""
        try:
            async with asyncio.timeout(seconds):
                while (await self.receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return False
        return True

    async def drop(self) -> None:
        """Reset the TCP connection without an answer."""
        transport: asyncio.Transport = self.scope["extensions"][TRANSPORT]
        if not transport.is_closing():
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()
        await self.wait_for_hang_up(5)


class Response:
    """An answer; `DROP` stands for none at all."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        content_type: bytes = b"application/json",
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        self.status = status
        self.body = body
        fixed = [(b"content-length", b"%d" % len(body))]
        if body:
            fixed.append((b"content-type", content_type))
        self.headers = [*fixed, *headers]

    async def send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


DROP = Response(0)


def as_json(value: object, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Response:
    return Response(status, json.dumps(value).encode(), headers=headers)


def as_error(error: TwilioError, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Response:
    return as_json(error.payload(), error.status, headers)
