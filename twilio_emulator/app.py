"""The ASGI application: three doors (Twilio's API, the control API, the page) on one port."""

from __future__ import annotations

from .api import MessagesApi
from .control import Control
from .delivery import Delivery
from .errors import TwilioError
from .exchange import DROP, Receive, Request, Response, Scope, Send, as_error
from .faults import Faults
from .messages import API_VERSION, Store
from .phones import Phones
from .replies import Replies
from .settings import Settings
from .webhooks import Webhooks

API_PREFIX = f"/{API_VERSION}/"


class Emulator:
    """Everything wired together; call it as an ASGI application."""

    def __init__(self, settings: Settings) -> None:
        store, faults = Store(settings.keep), Faults()
        self._webhooks = Webhooks(settings.auth_token)
        delivery = Delivery(store, self._webhooks, settings)
        replies = Replies(store, delivery, self._webhooks, settings)
        self._api = MessagesApi(store, delivery, replies, faults, settings)
        self._phones = Phones(store, replies, settings)
        self.control = Control(
            store=store,
            api=self._api,
            delivery=delivery,
            replies=replies,
            webhooks=self._webhooks,
            faults=faults,
            normal_latency_ms=settings.latency_ms,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = b""
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                return
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        request = Request(scope, receive, body)
        response = await self._answer(request)
        if response is DROP:
            await request.drop()
        else:
            await response.send(send)

    async def _answer(self, request: Request) -> Response:
        if request.path.startswith(API_PREFIX):
            return await self._api.answer(request)
        if request.path.startswith("/_control/"):
            return self.control.answer(request)
        page = await self._phones.answer(request)
        return page or as_error(TwilioError(20404, request.path))

    async def _live(self, receive: Receive, send: Send) -> None:
        """Start and stop the webhook workers with the server."""
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                await self._webhooks.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._webhooks.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return
