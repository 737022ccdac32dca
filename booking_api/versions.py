"""ETag, If-None-Match and If-Match: a client that read an old version changes nothing (docs/adr/0007)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.http import Http404
from django.utils.http import parse_etags
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

# What an answer tells of the act, not of the object.
NOT_PART_OF_THE_VERSION = frozenset({"reminders_moved"})


class PreconditionFailed(APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "precondition_failed"
    default_detail = "It has been changed meanwhile. Get it anew, and send the change with its new ETag."


def etag_of(representation: Mapping[str, Any]) -> str:
    """A strong ETag: it changes when, and only when, something that this caller sees of the object does."""
    seen = {name: value for name, value in representation.items() if name not in NOT_PART_OF_THE_VERSION}
    return f'"{hashlib.sha256(_canonical(seen).encode()).hexdigest()[:32]}"'


def is_known(request: Request, etag: str) -> bool:
    """Whether the client has this version already, as its If-None-Match says."""
    known = parse_etags(request.headers.get("If-None-Match", ""))
    return "*" in known or etag in {name.removeprefix("W/") for name in known}


def _canonical(value: Any) -> str:
    """JSON whose lists are sorted: in what order the database returns addresses or salons says nothing."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(name)}:{_canonical(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(sorted(_canonical(item) for item in value)) + "]"
    return json.dumps(value, cls=JSONEncoder)


class VersionedMixin:
    """For view sets, before the mixins that it extends: versions of what is read, made and changed.

    Expects the handlers of unsafe methods to run in a transaction (`booking_api.views.ApiMixin`).
    """

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = self.versioned(super().retrieve(request, *args, **kwargs))  # type: ignore[misc]
        if is_known(request, response["ETag"]):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": response["ETag"]})
        return response

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = self.versioned(super().create(request, *args, **kwargs))  # type: ignore[misc]
        response["Location"] = f"{request.path}{response.data['id']}/"
        return response

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.versioned(super().update(request, *args, **kwargs))  # type: ignore[misc]

    def versioned(self, response: Response) -> Response:
        """Give an answer that shows the whole object its ETag."""
        response["ETag"] = etag_of(response.data)
        return response

    def get_object(self) -> Any:
        """The object; for a request that changes it under If-Match, locked until the transaction ends.

        Raises:
          PreconditionFailed: the version that the client knows is not the one there now.
        """
        request: Request = self.request  # type: ignore[attr-defined]
        instance = super().get_object()  # type: ignore[misc]
        wanted = request.headers.get("If-Match")
        if request.method in SAFE_METHODS or wanted is None:
            return instance
        _lock(instance)
        try:
            current = super().get_object()  # type: ignore[misc]
        except Http404 as gone:
            raise PreconditionFailed from gone
        self._check(current, parse_etags(wanted))
        return current

    def _check(self, current: Any, wanted: list[str]) -> None:
        if "*" in wanted:
            return
        shown: Any = type(self).serializer_class  # type: ignore[attr-defined]
        context = self.get_serializer_context()  # type: ignore[attr-defined]
        if etag_of(shown(current, context=context).data) not in wanted:
            raise PreconditionFailed


def _lock(instance: Any) -> None:
    type(instance)._default_manager.select_for_update().filter(pk=instance.pk).first()
