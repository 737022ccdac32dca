"""The `twilio` client's HTTP, by urllib3: by `requests`, its own choice, a text costs four times the CPU."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
import urllib3
from twilio.http import HttpClient
from twilio.http.response import Response


class PooledHttpClient(HttpClient):
    """Keeps connections open; follows no redirect and tries nothing twice. One a thread.

    ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY`` are heeded.

    Args:
      timeout_seconds: to connect, and again to wait for the answer.
    """

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__(None, False, timeout_seconds)
        self._timeout = urllib3.Timeout(connect=timeout_seconds, read=timeout_seconds)
        self._pools: dict[str, urllib3.PoolManager] = {}
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
        """Raises: `urllib3.exceptions.HTTPError`."""
        self.retry_after_seconds = None
        if params:
            url = f"{url}?{urlencode(params, doseq=True)}"
        all_headers = dict(headers or {})
        if auth:
            all_headers |= urllib3.make_headers(basic_auth=":".join(auth))
        answer = self._pool(url).request(
            method,
            url,
            body=urlencode(data, doseq=True) if data else None,
            headers=all_headers,
            timeout=self._timeout,
            retries=False,
            redirect=False,
        )
        retry_after = answer.headers.get("Retry-After", "")
        self.retry_after_seconds = float(retry_after) if retry_after.isdigit() else None
        return Response(answer.status, answer.data.decode("utf-8", "replace"), answer.headers)

    def _pool(self, url: str) -> urllib3.PoolManager:
        scheme, host = urlsplit(url)[:2]
        origin = f"{scheme}://{host}"
        if origin not in self._pools:
            proxy = getproxies().get(scheme)
            if proxy and not proxy_bypass(urlsplit(url).hostname or ""):
                self._pools[origin] = urllib3.ProxyManager(proxy, maxsize=1, ca_certs=certifi.where())
            else:
                self._pools[origin] = urllib3.PoolManager(maxsize=1, ca_certs=certifi.where())
        return self._pools[origin]
