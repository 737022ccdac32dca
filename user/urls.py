from django.urls import path
from rest_framework.routers import SimpleRouter

from user.views import (
    ApiKeyViewSet,
    LoginView,
    LogoutView,
    PasswordResetConfirmView,
    PasswordResetView,
    PasswordView,
    RegisterView,
    TokenRefreshView,
    UserViewSet,
)

router = SimpleRouter()
router.register("users", UserViewSet)
router.register(r"salons/(?P<salon_id>\d+)/api-keys", ApiKeyViewSet)

urlpatterns = [
    path("users/register/", RegisterView.as_view(), name="register"),
    path("users/login/", LoginView.as_view(), name="login"),
    path("users/logout/", LogoutView.as_view(), name="logout"),
    path("users/me/password/", PasswordView.as_view(), name="password"),
    path("users/password-reset/", PasswordResetView.as_view(), name="password-reset"),
    path("users/password-reset/confirm/", PasswordResetConfirmView.as_view(), name="password-reset-confirm"),
    path("token/refresh/", TokenRefreshView.as_view(), name="token-refresh"),
    *router.urls,
]
