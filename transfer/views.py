from __future__ import annotations

from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from booking_api.permissions import SalonDataPermission
from booking_api.renderers import FastJSONRenderer
from booking_api.schema import ErrorSerializer
from salon.views import OfSalonView
from transfer.reading import Sheet, Unreadable, sheet_of_text
from transfer.reports import Report
from transfer.serializers import ExportQuery, ImportSerializer, ReportSerializer
from transfer.services import export_csv, import_csv
from transfer.tables import IMPORTED

EXPORT_EXAMPLE = "phone_number,full_name\r\n+447400123456,Ada Lovelace\r\n"


class CsvRenderer(BaseRenderer):
    """Names the media type; the rows are streamed past it."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> Any:
        return data


class ImportView(OfSalonView):
    """Bring customers, services, working hours or bookings in from CSV.

    The answer tells what came of each line. Where one fails, nothing is written unless `on_error` is `skip`.
    """

    serializer_class = ImportSerializer
    permission_classes = [IsAuthenticated, SalonDataPermission]
    api_key_noun = None

    @extend_schema(request=ImportSerializer, responses=ReportSerializer)
    def post(self, request: Request, salon_id: int) -> Response:
        salon = self.get_object()
        given = ImportSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        report = Report(what=asked["what"], dry_run=asked["dry_run"])
        sheet = self._sheet(asked["what"], asked["csv"])
        skip = asked["on_error"] == "skip"
        import_csv(sheet, report, salon=salon, skip_bad_lines=skip, confirm=asked["confirm"])
        return Response(ReportSerializer(report).data)

    def _sheet(self, what: str, text: str) -> Sheet:
        """Raises:
        ValidationError: it is no such file, or longer than a request has time for.
        """
        most = IMPORTED[what].lines_per_request
        if max(text.count("\n"), text.count("\r")) > most:
            message = f"Send at most {most:,} lines at a time, or use manage.py import_csv."
            raise ValidationError({"csv": [message]}, code="too_many_lines")
        try:
            return sheet_of_text(text, IMPORTED[what].columns)
        except Unreadable as unreadable:
            raise ValidationError({"csv": [unreadable.message]}, code=unreadable.code) from unreadable


class ExportView(OfSalonView):
    """All of a salon's customers, services, working hours, bookings or texts, as CSV that an import reads."""

    serializer_class = ExportQuery
    permission_classes = [IsAuthenticated, SalonDataPermission]
    renderer_classes = [CsvRenderer]
    api_key_noun = None

    @extend_schema(
        parameters=[ExportQuery],
        responses={
            (200, "text/csv"): OpenApiResponse(
                OpenApiTypes.STR, examples=[OpenApiExample("Customers", value=EXPORT_EXAMPLE)]
            ),
            (406, "application/json"): OpenApiResponse(ErrorSerializer, description="Only text/csv is served."),
        },
    )
    def get(self, request: Request, salon_id: int) -> HttpResponseBase:
        salon = self.get_object()
        query = ExportQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        what = query.validated_data["what"]
        # A server may send what is streamed in answer to HEAD too.
        rows = [] if request.method == "HEAD" else export_csv(what, salon=salon)
        answer: HttpResponseBase = StreamingHttpResponse(rows) if rows else HttpResponse()
        answer["Content-Type"] = "text/csv; charset=utf-8"
        answer["Content-Disposition"] = f'attachment; filename="{what}-of-salon-{salon.pk}.csv"'
        answer["Cache-Control"] = "no-store"
        return answer

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """An error is JSON here as everywhere."""
        if isinstance(response, Response):
            request.accepted_renderer, request.accepted_media_type = FastJSONRenderer(), FastJSONRenderer.media_type
        return super().finalize_response(request, response, *args, **kwargs)
