"""How the API describes itself: every error that an operation can answer, and the headers that make it safe."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS, AllowAny

from booking_api import idempotency
from booking_api.versions import VersionedMixin


class ErrorDetailSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Stable: for programs.")
    detail = serializers.CharField(help_text="What to do: for people.")
    attr = serializers.CharField(allow_null=True, help_text="The path of the field, such as addresses.0.postal_code.")


class ErrorSerializer(serializers.Serializer[Any]):
    """What every error answers."""

    type = serializers.ChoiceField(["validation_error", "client_error", "server_error"])
    errors = ErrorDetailSerializer(many=True)  # type: ignore[assignment]
    alternatives = serializers.ListField(
        child=serializers.JSONField(),
        required=False,
        help_text="Where a time for a booking was refused: the free slots nearest to it.",
    )
    clashes = serializers.ListField(
        child=serializers.JSONField(),
        required=False,
        help_text="Where visits of a series clash: each of them, as in the preview of a series.",
    )

    class Meta:
        ref_name = "Error"


DESCRIPTIONS = {
    "304": "It is still the version that If-None-Match names.",
    "400": "Something in the request is wrong; `attr` says where.",
    "401": "No valid credentials came with the request.",
    "403": "The caller sees it, and may not do that.",
    "404": "There is none, or it is another salon's.",
    "406": "Only application/json is served.",
    "409": "Well formed, but the state of things is against it; `code` says what.",
    "412": "It was changed since the version that If-Match names.",
    "413": "The body is too large.",
    "415": "Only application/json is read.",
    "422": "This Idempotency-Key came with another request before.",
    "429": "Too many requests; Retry-After says when to go on.",
    "503": "A part that the request needs is away; Retry-After says when to try again.",
}

IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The ETag of the version to change; 412 if there is a newer one.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="An ETag already known; 304 if there is no newer version.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    idempotency.HEADER,
    {"type": "string", "pattern": f"^{idempotency.KEY_PATTERN}$"},
    OpenApiParameter.HEADER,
    description="Repeating a request with the same key, for 24 hours, repeats its answer and nothing else.",
)


class ApiSchema(AutoSchema):
    """drf-spectacular's, with what is true of every operation."""

    def get_override_parameters(self) -> list[Any]:
        parameters: list[Any] = list(super().get_override_parameters())
        if self.method == "POST" and getattr(self.view, "keeps_answers", False):
            parameters.append(IDEMPOTENCY_KEY)
        if self._is_versioned() and self.method in ("PUT", "PATCH", "DELETE"):
            parameters.append(IF_MATCH)
        if self._is_versioned() and self.method == "GET":
            parameters.append(IF_NONE_MATCH)
        return parameters

    def _get_response_bodies(self, direction: str = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)  # type: ignore[arg-type]
        if direction == "response":
            for status in self._error_statuses():
                if status not in bodies:
                    serializer = None if status == "304" else ErrorSerializer
                    bodies[status] = self._get_response_for_code(serializer, status, ["application/json"])
                    bodies[status]["description"] = DESCRIPTIONS[status]
            bodies = dict(sorted(bodies.items()))
        return bodies

    def _error_statuses(self) -> set[str]:
        statuses = {"400", "401", "406", "429"}
        is_open = AllowAny in getattr(self.view, "permission_classes", [])
        has_key = "{" in self.path
        if not is_open:
            statuses.add("403")
        if has_key or self._is_list_page():
            statuses.add("404")
        if self.method not in SAFE_METHODS:
            statuses |= {"403", "409", "413", "415", "422"} if self.method == "POST" else {"409", "413", "415"}
        if self._is_versioned() and has_key:
            statuses.add("304" if self.method == "GET" else "412")
        if is_open:
            statuses.add("503")
        return statuses

    def _is_versioned(self) -> bool:
        if getattr(self.view, "answers_if_newer", False):
            return True
        return isinstance(self.view, VersionedMixin) and "{" in self.path and self.path.count("/") == 3

    def _is_list_page(self) -> bool:
        return self.method == "GET" and self._is_list_view()


def close_requests(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A drf-spectacular hook: bodies have the fields that are described and no others (`StrictFieldsMixin`)."""
    for name, schema in result["components"]["schemas"].items():
        if name.endswith("Request") and "properties" in schema:
            schema["additionalProperties"] = False
    return result
