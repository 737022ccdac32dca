from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from booking_api import health

admin.site.site_header = "Salon booking (times in UTC)"
admin.site.site_title = "Salon booking"

handler400 = "booking_api.errors.bad_request"
handler403 = "booking_api.errors.permission_denied"
handler404 = "booking_api.errors.not_found"
handler500 = "booking_api.errors.server_error"

urlpatterns = [
    path("", include("salon.urls")),
    path("", include("schedule.urls")),
    path("", include("appointment.urls")),
    path("", include("transfer.urls")),
    path("", include("waitlist.urls")),
    path("", include("customer.urls")),
    path("", include("user.urls")),
    path("", include("sms.urls")),
    path("", include("web.urls")),
    path("health/", health.alive, name="health"),
    path("health/ready/", health.ready, name="ready"),
    path("metrics/", health.prometheus, name="metrics"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("admin/", admin.site.urls),
]
