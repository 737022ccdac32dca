from django.contrib import admin

from address.models import Address


@admin.register(Address)
class AddressAdmin(admin.ModelAdmin[Address]):
    list_display = ["street", "city", "postal_code", "country"]
    search_fields = ["street", "city", "postal_code"]
