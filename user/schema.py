"""How the API's schema describes logging in by cookie, and API keys."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from user.authentication import ACCESS_COOKIE


class CookieJWTScheme(OpenApiAuthenticationExtension):
    target_class = "user.authentication.CookieJWTAuthentication"
    name = "cookieAuth"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": ACCESS_COOKIE}


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "user.authentication.ApiKeyAuthentication"
    name = "apiKeyAuth"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "An API key of a salon: `Api-Key bk_…`. What it reaches is said by its scopes.",
        }
