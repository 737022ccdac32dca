from django.contrib import admin

from salon.models import Salon


@admin.register(Salon)
class SalonAdmin(admin.ModelAdmin[Salon]):
    list_display = ["name", "phone_number", "timezone", "reminder_time_minutes"]
    list_filter = ["timezone"]
    search_fields = ["name", "phone_number"]
    filter_horizontal = ["addresses"]
