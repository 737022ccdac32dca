from django.contrib import admin

from customer.models import Customer
from sms import opt_outs


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin[Customer]):
    list_display = ["full_name", "phone_number", "opted_out"]
    list_filter = ["salons"]
    search_fields = ["full_name", "phone_number"]
    filter_horizontal = ["salons"]
    readonly_fields = ["opted_out"]

    @admin.display(boolean=True)
    def opted_out(self, customer: Customer) -> bool:
        return opt_outs.is_opted_out(str(customer.phone_number))
