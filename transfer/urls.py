from django.urls import path

from transfer.views import ExportView, ImportView

urlpatterns = [
    path("salons/<int:salon_id>/import/", ImportView.as_view(), name="import"),
    path("salons/<int:salon_id>/export/", ExportView.as_view(), name="export"),
]
