from django.urls import path
from rest_framework.routers import SimpleRouter

from waitlist.views import EntryViewSet, OfferPage

router = SimpleRouter()
router.register("waitlist", EntryViewSet)

urlpatterns = [
    path("waitlist/o/<str:token>/", OfferPage.as_view(), name="waitlist-offer"),
    *router.urls,
]
