from __future__ import annotations

from django.contrib import admin

from appointment.models import Appointment
from sms.admin import MessageInline


@admin.register(Appointment)
class AppointmentAdmin(admin.ModelAdmin[Appointment]):
    """Saving and deleting here sends the same texts as the API does."""

    list_display = ["appointment_time", "salon", "customer", "user", "column_id", "status"]
    list_filter = ["status", "salon"]
    list_select_related = ["salon", "customer", "user"]
    date_hierarchy = "appointment_time"
    search_fields = ["customer__full_name", "customer__phone_number", "comment"]
    autocomplete_fields = ["salon", "customer", "user"]
    readonly_fields = ["task_id", "created", "modified"]
    inlines = [MessageInline]
