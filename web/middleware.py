"""The language of the staff pages."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers

TRANSLATED = ("/desk/", "/login/", "/logout/")


class LanguageOfPages:
    """The language that the browser asks for, on the staff pages; everywhere else the settings' own.

    Django's LocaleMiddleware would translate the API's errors as well, and leave its language to the thread's next
    request where that is not translated.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path != "/" and not request.path.startswith(TRANSLATED):
            return self.get_response(request)
        language = translation.get_language_from_request(request)
        request.LANGUAGE_CODE = language
        with translation.override(language):
            response = self.get_response(request)
        patch_vary_headers(response, ("Accept-Language",))
        response.headers.setdefault("Content-Language", language)
        return response
