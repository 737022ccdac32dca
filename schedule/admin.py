from django.contrib import admin

from schedule.models import Chair, Service, SpecialHours, TimeOff, WorkingHours


@admin.register(Service)
class ServiceAdmin(admin.ModelAdmin[Service]):
    list_display = ["name", "salon", "duration_minutes", "price", "currency", "is_active"]
    list_filter = ["is_active", "salon"]
    list_select_related = ["salon"]
    search_fields = ["name"]
    autocomplete_fields = ["salon", "people"]


@admin.register(Chair)
class ChairAdmin(admin.ModelAdmin[Chair]):
    list_display = ["name", "salon", "column_id", "position"]
    list_filter = ["salon"]
    list_select_related = ["salon"]
    autocomplete_fields = ["salon", "services", "people"]


@admin.register(WorkingHours)
class WorkingHoursAdmin(admin.ModelAdmin[WorkingHours]):
    list_display = ["user", "salon", "weekday", "opens", "closes", "valid_from", "valid_until"]
    list_filter = ["weekday", "salon"]
    list_select_related = ["salon", "user"]
    autocomplete_fields = ["salon", "user"]


@admin.register(SpecialHours)
class SpecialHoursAdmin(admin.ModelAdmin[SpecialHours]):
    list_display = ["user", "salon", "date", "opens", "closes"]
    list_filter = ["salon"]
    list_select_related = ["salon", "user"]
    date_hierarchy = "date"
    autocomplete_fields = ["salon", "user"]


@admin.register(TimeOff)
class TimeOffAdmin(admin.ModelAdmin[TimeOff]):
    list_display = ["__str__", "first_day", "last_day", "is_yearly", "reason"]
    list_filter = ["is_yearly", "salon"]
    list_select_related = ["salon", "user"]
    date_hierarchy = "first_day"
    autocomplete_fields = ["salon", "user"]
