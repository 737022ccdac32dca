"""The `twilio` client's HTTP, on a connection that stays open; `requests`, its own choice, costs more CPU.

What fails before a byte has left is told apart from what fails later: only then is it certain that Twilio has no text.
"""

from __future__ import annotations

import select
import ssl
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, unquote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
from twilio.http import HttpClient
from twilio.http.response import Response
from urllib3.util import make_headers

from sms.errors import Ambiguous, NotProcessed


class KeepAliveHttpClient(HttpClient):
    """One connection, for one thread; follows no redirect and tries nothing twice.

    ``HTTPS_PROXY`` and ``NO_PROXY`` are heeded.

    Args:
      timeout_seconds: to connect, and again to wait for the answer.
    """

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__(None, False, timeout_seconds)
        self._timeout_seconds = timeout_seconds
        self._connection: HTTPConnection | None = None
        self._origin = ("", "")
        self.retry_after_seconds: float | None = None  # of the last answer; the client's exceptions leave it out

    def request(
        self,
        method: str,
        url: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Raises:
        NotProcessed: no connection; nothing has been asked.
        Ambiguous: no answer that could be read.
        """
        self.retry_after_seconds = None
        parts = urlsplit(url)
        query = urlencode(params, doseq=True) if params else ""
        body = urlencode(data, doseq=True).encode() if data else None
        credentials = make_headers(basic_auth=":".join(auth)) if auth else {}
        connection = self._connected(parts)
        try:
            connection.request(
                method, f"{parts.path}?{query}" if query else parts.path, body, {**(headers or {}), **credentials}
            )
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except TimeoutError as error:
            connection.close()
            raise Ambiguous("no answer from Twilio in time") from error
        except (OSError, HTTPException) as error:
            connection.close()
            raise Ambiguous(f"no usable answer from Twilio ({type(error).__name__})") from error
        retry_after = answer.headers.get("Retry-After", "")
        self.retry_after_seconds = float(retry_after) if retry_after.isdigit() else None
        return Response(answer.status, text, answer.headers)

    def _connected(self, url: SplitResult) -> HTTPConnection:
        if self._connection is None or self._origin != url[:2]:
            self._connection, self._origin = self._new_connection(url), url[:2]
        connection = self._connection
        if connection.sock is not None and _has_been_closed(connection):
            connection.close()
        if connection.sock is None:
            try:
                connection.connect()
            except (OSError, HTTPException) as error:
                connection.close()
                raise NotProcessed("Twilio cannot be reached") from error
        return connection

    def _new_connection(self, url: SplitResult) -> HTTPConnection:
        host = url.hostname or ""
        if url.scheme != "https":
            return HTTPConnection(host, url.port, timeout=self._timeout_seconds)
        proxy = urlsplit("" if proxy_bypass(host) else getproxies().get("https", ""))
        if not proxy.hostname:
            return HTTPSConnection(host, url.port, timeout=self._timeout_seconds, context=_tls())
        connection = HTTPSConnection(proxy.hostname, proxy.port, timeout=self._timeout_seconds, context=_tls())
        credentials = f"{unquote(proxy.username or '')}:{unquote(proxy.password or '')}" if proxy.username else None
        connection.set_tunnel(host, url.port, headers=make_headers(proxy_basic_auth=credentials))
        return connection


def _has_been_closed(connection: HTTPConnection) -> bool:
    """An idle connection on which there is something to read has been closed by the other side."""
    readable = select.poll()
    readable.register(connection.sock, select.POLLIN)
    return bool(readable.poll(0))


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())
