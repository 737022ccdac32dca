from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm

from user.models import ExtendedUser


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
