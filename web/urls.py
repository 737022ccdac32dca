"""Addresses of the staff pages: all below `/desk/`, so that none is ever one of the API's."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.decorators.cache import cache_control
from django.views.i18n import JavaScriptCatalog

from user.forms import LoginForm
from web.views import blocks, booking, day, merging, people, rows, settings, texts, visits

app_name = "web"

of_salon = [
    path("day/", day.day, name="day"),
    path("day/data/", day.day_data, name="day_data"),
    path("book/", booking.book, name="book"),
    path("book/texts/", booking.book_texts, name="book_texts"),
    path("book/suggest/", booking.suggest, name="suggest"),
    path("book/number/", booking.check_number, name="check_number"),
    path("visits/<int:visit_id>/", visits.visit, name="visit"),
    path("visits/<int:visit_id>/act/", visits.act, name="act"),
    path("visits/<int:visit_id>/move/", visits.move, name="move"),
    path("visits/<int:visit_id>/change/", visits.change, name="change"),
    path("visits/<int:visit_id>/change/texts/", visits.change_texts, name="change_texts"),
    path("visits/<int:visit_id>/cancel/", visits.cancel, name="cancel"),
    path("visits/<int:visit_id>/texts/<int:text_id>/again/", visits.send_again, name="send_again"),
    path("blocks/new/", blocks.new_block, name="new_block"),
    path("blocks/<int:block_id>/", blocks.block, name="block"),
    path("people/", people.people, name="people"),
    path("people/new/", people.new_person, name="new_person"),
    path("people/<int:customer_id>/", people.person, name="person"),
    path("people/<int:customer_id>/merge/", merging.merge, name="merge"),
    path("people/<int:customer_id>/merge/suggest/", merging.suggest_twin, name="suggest_twin"),
    path("texts/", texts.texts, name="texts"),
    path("replies/", texts.replies, name="replies"),
    path("settings/", settings.settings, name="settings"),
    path("settings/salon/", settings.save_salon, name="save_salon"),
    path("settings/reminders/", settings.foresee_minutes, name="foresee_minutes"),
    path("settings/staff/", settings.add_person, name="add_person"),
    path("settings/days-off/", rows.days_off, name="days_off"),
    path("settings/holidays/", rows.close_on_holidays, name="close_on_holidays"),
    path("settings/<slug:what>/", rows.row, name="add_row"),
    path("settings/<slug:what>/<int:row_id>/", rows.row, name="save_row"),
]

urlpatterns = [
    path("", day.front_door, name="front_door"),
    path(
        "login/",
        LoginView.as_view(
            template_name="web/login.html", authentication_form=LoginForm, redirect_authenticated_user=True
        ),
        name="login",
    ),
    path("desk/words.js", cache_control(max_age=3600)(JavaScriptCatalog.as_view(packages=["web"])), name="words"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("desk/<int:salon_id>/", include(of_salon)),
]
