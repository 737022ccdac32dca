from django.contrib import admin

from customer.models import Customer


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin[Customer]):
    list_display = ["full_name", "phone_number"]
    list_filter = ["salons"]
    search_fields = ["full_name", "phone_number"]
    filter_horizontal = ["salons"]
