from django.contrib import admin

from customer.models import Customer
from sms import opt_outs, unreachable


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin[Customer]):
    list_display = ["full_name", "phone_number", "opted_out"]
    list_filter = ["salons"]
    search_fields = ["full_name", "phone_number"]
    filter_horizontal = ["salons"]
    readonly_fields = ["opted_out", "unreachable"]

    @admin.display(boolean=True)
    def opted_out(self, customer: Customer) -> bool:
        return opt_outs.is_opted_out(str(customer.phone_number))

    @admin.display(description="texts do not reach the number, as")
    def unreachable(self, customer: Customer) -> str:
        number = str(customer.phone_number)
        return unreachable.among([number]).get(number, "")
