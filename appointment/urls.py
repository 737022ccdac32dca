from django.urls import path
from rest_framework.routers import SimpleRouter

from appointment.views import AppointmentViewSet, AvailabilityView, BlockViewSet, DayView, SeriesViewSet

router = SimpleRouter()
router.register("appointments", AppointmentViewSet)
router.register("blocks", BlockViewSet)
router.register("series", SeriesViewSet)

urlpatterns = [
    path("salons/<int:salon_id>/availability/", AvailabilityView.as_view(), name="availability"),
    path("salons/<int:salon_id>/day/", DayView.as_view(), name="day"),
    *router.urls,
]
