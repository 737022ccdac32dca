from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.http import HttpRequest

from user.forms import GuardedLogin
from user.models import ApiKey, ExtendedUser


class AdminLoginForm(GuardedLogin, AdminAuthenticationForm):
    """The admin's login, with the same brake on guessing as the API's."""


admin.site.login_form = AdminLoginForm


class ExtendedUserCreationForm(AdminUserCreationForm[ExtendedUser]):
    class Meta:
        model = ExtendedUser
        fields = ["email"]


@admin.register(ExtendedUser)
class ExtendedUserAdmin(UserAdmin[ExtendedUser]):
    add_form = ExtendedUserCreationForm
    list_display = ["email", "full_name", "phone_number", "is_owner", "is_active", "is_superuser"]
    list_filter = ["is_owner", "is_superuser", "is_active", "salons"]
    search_fields = ["email", "full_name", "phone_number"]
    ordering = ["email"]
    filter_horizontal = ["salons", "groups", "user_permissions"]
    fieldsets = [
        (None, {"fields": ["email", "password"]}),
        ("Person", {"fields": ["full_name", "phone_number"]}),
        ("Work", {"fields": ["salons", "is_owner"]}),
        ("Platform", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"fields": ["email", "usable_password", "password1", "password2"]}),
        ("Work", {"fields": ["full_name", "phone_number", "salons", "is_owner"]}),
    ]


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin[ApiKey]):
    """To look at; keys are made and revoked through the API, where their text is shown once."""

    list_display = ["name", "prefix", "salon", "created_by", "last_used_at", "expires_at", "revoked_at"]
    list_filter = ["salon"]
    exclude = ["secret_hash"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False
