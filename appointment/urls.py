from django.urls import path
from rest_framework.routers import SimpleRouter

from appointment.calendar_views import CalendarFeedViewSet, CalendarView, StaffCalendarFeedViewSet, VisitCalendarView
from appointment.views import AppointmentViewSet, AvailabilityView, BlockViewSet, DayView, SeriesViewSet

router = SimpleRouter()
router.register("appointments", AppointmentViewSet)
router.register("blocks", BlockViewSet)
router.register("users/me/calendar-feeds", CalendarFeedViewSet)
router.register(r"salons/(?P<salon_id>\d+)/calendar-feeds", StaffCalendarFeedViewSet, "salon-calendarfeed")
router.register("series", SeriesViewSet)

urlpatterns = [
    path("salons/<int:salon_id>/availability/", AvailabilityView.as_view(), name="availability"),
    path("salons/<int:salon_id>/day/", DayView.as_view(), name="day"),
    path("appointments/<int:pk>/calendar.ics", VisitCalendarView.as_view(), name="visit-calendar"),
    path("calendars/<str:address>.ics", CalendarView.as_view(), name="calendar"),
    *router.urls,
]
