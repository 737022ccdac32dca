"""What every view of the API does around its own work."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import transaction
from django.http import HttpResponseBase
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from booking_api import idempotency, rate_limits
from booking_api.permissions import check_scope

Handler = Callable[..., HttpResponseBase]


class ApiMixin:
    """First base of every view: a change is one transaction, and happens once for an Idempotency-Key."""

    # Off where the answer holds a secret, which must not lie in a table.
    keeps_answers = True

    # What an API key's scopes call the things of this view; no key reaches a view that names none.
    api_key_noun: str | None = None

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)  # type: ignore[misc]
        if self.authentication_classes:  # type: ignore[attr-defined]
            check_scope(request, self.api_key_noun)

    def perform_authentication(self, request: Request) -> None:
        """Whoever asks too often is turned away first, whether or not their credentials are right."""
        try:
            super().perform_authentication(request)  # type: ignore[misc]
        finally:
            super().check_throttles(request)  # type: ignore[misc]

    def check_throttles(self, request: Request) -> None:
        """Done by `perform_authentication`."""

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        rate_limits.show(request, response)
        response.setdefault("Cache-Control", "private, no-cache" if self.keeps_answers else "no-store")
        return super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        method = str(request.method).lower()
        handler = getattr(self, method, None)
        if request.method not in SAFE_METHODS and handler:
            setattr(self, method, partial(self._in_transaction, handler))

    def _in_transaction(self, handler: Handler, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        attempt = idempotency.attempt_of(request) if self.keeps_answers else None
        act = partial(handler, request, *args, **kwargs)
        with transaction.atomic():
            return act() if attempt is None else self._once(attempt, act)

    def _once(self, attempt: idempotency.Attempt, act: Callable[[], Any]) -> HttpResponseBase:
        """The first answer to this attempt: the one kept, or that of ``act``, kept beside what it wrote."""
        kept = idempotency.begin(attempt)
        if kept is not None:
            return kept
        try:
            with transaction.atomic():
                response = act()
        except Exception as error:
            response = self.handle_exception(error)  # type: ignore[attr-defined]
        if response.status_code >= 500:
            transaction.set_rollback(True)  # nothing is kept: the same request may be tried again
        else:
            idempotency.keep(attempt, response)
        return response
