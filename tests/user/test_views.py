"""Logging in and out, by header and by cookie, and making accounts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from tests.factories import hours_ahead, make_appointment, make_owner, make_platform_admin, make_salon, make_user
from user.models import ExtendedUser

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


@pytest.fixture
def member():
    return make_user(make_salon(), email="Ada@salon.example", password=PASSWORD, full_name="Ada")


def login(client, email="Ada@salon.example", password=PASSWORD):
    return client.post("/users/login/", {"email": email, "password": password})


def codes(answer):
    return [error["code"] for error in answer.json()["errors"]]


# --- Login --------------------------------------------------------------------------------------------------


def test_login_answers_user_and_tokens_and_sets_cookies_no_script_can_read(member):
    answer = login(APIClient())
    assert answer.status_code == 200
    body = answer.json()
    assert sorted(body) == ["access", "refresh", "user"]
    assert body["user"]["id"] == member.pk
    assert body["user"]["email"] == member.email
    assert "password" not in str(body)
    for name in ("token", "refresh_token"):
        cookie = answer.cookies[name]
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert answer.cookies["token"].value == body["access"]


def test_cookies_are_for_https_alone_where_the_site_is(member, settings):
    settings.HTTPS_ONLY = True
    assert login(APIClient()).cookies["token"]["secure"]


@pytest.mark.parametrize("email", ["ada@salon.example", "ADA@SALON.EXAMPLE"])
def test_case_of_the_e_mail_does_not_matter(member, email):
    assert login(APIClient(), email=email).status_code == 200


@pytest.mark.parametrize(("email", "password"), [("Ada@salon.example", "wrong"), ("nobody@salon.example", PASSWORD)])
def test_wrong_e_mail_and_wrong_password_are_told_apart_by_nobody(member, email, password):
    answer = login(APIClient(), email, password)
    assert answer.status_code == 401
    assert codes(answer) == ["wrong_credentials"]
    assert "token" not in answer.cookies


def test_account_that_was_closed_cannot_log_in(member):
    ExtendedUser.objects.update(is_active=False)
    assert login(APIClient()).status_code == 401


@pytest.mark.parametrize(
    "body", [{}, {"email": "x"}, {"email": "ada@salon.example"}, {"email": "a@b.example", "password": 1, "otp": 2}]
)
def test_incomplete_or_unknown_fields_are_refused(body):
    assert APIClient().post("/users/login/", body).status_code == 400


# --- By header ------------------------------------------------------------------------------------------------


def test_bearer_token_opens_the_api_and_its_absence_closes_it(member):
    access = login(APIClient()).json()["access"]
    client = APIClient()
    assert client.get("/appointments/").status_code == 401
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    assert client.get("/appointments/").status_code == 200
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}x")
    assert client.get("/appointments/").status_code == 401


@pytest.mark.parametrize(
    "path",
    ["/salons/", "/appointments/", "/customers/", "/users/", "/appointments/1/", "/appointments/1/messages/"],
)
@pytest.mark.parametrize("method", ["get", "post", "patch", "delete"])
def test_everything_is_closed_to_strangers(path, method):
    assert getattr(APIClient(), method)(path, {}).status_code == 401


def test_expired_token_is_refused(member):
    token = AccessToken.for_user(member)
    token.set_exp(lifetime=-timedelta(seconds=1))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.get("/salons/").status_code == 401


def test_token_of_an_account_closed_meanwhile_is_refused(member):
    access = login(APIClient()).json()["access"]
    ExtendedUser.objects.update(is_active=False)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    assert client.get("/salons/").status_code == 401


# --- Refresh and logout -----------------------------------------------------------------------------------------


def test_refresh_gives_new_tokens_and_voids_the_old_one(member):
    first = login(APIClient()).json()["refresh"]
    client = APIClient()
    answer = client.post("/token/refresh/", {"refresh": first})
    assert answer.status_code == 200
    assert sorted(answer.json()) == ["access", "refresh"]
    assert answer.json()["refresh"] != first
    again = APIClient().post("/token/refresh/", {"refresh": first})
    assert (again.status_code, codes(again)) == (401, ["token_not_valid"])


def test_refresh_token_is_no_access_token_and_the_other_way_round(member):
    tokens = login(APIClient()).json()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['refresh']}")
    assert client.get("/salons/").status_code == 401
    assert APIClient().post("/token/refresh/", {"refresh": tokens["access"]}).status_code == 401


def test_refresh_of_an_account_closed_or_deleted_meanwhile_is_refused(member):
    tokens = [login(APIClient()).json()["refresh"] for _ in range(2)]
    ExtendedUser.objects.update(is_active=False)
    assert APIClient().post("/token/refresh/", {"refresh": tokens[0]}).status_code == 401
    member.delete()
    assert APIClient().post("/token/refresh/", {"refresh": tokens[1]}).status_code == 401


@pytest.mark.parametrize("body", [{"refresh": "nonsense"}, {}, {"refresh": ""}])
def test_refresh_without_a_token_that_is_valid_is_refused(body):
    assert APIClient().post("/token/refresh/", body).status_code in (400, 401)


def test_logout_voids_the_refresh_token_and_forgets_the_cookies(member):
    refresh = login(APIClient()).json()["refresh"]
    answer = APIClient().post("/users/logout/", {"refresh": refresh})
    assert answer.status_code == 204
    assert {answer.cookies[name].value for name in ("token", "refresh_token")} == {""}
    assert APIClient().post("/token/refresh/", {"refresh": refresh}).status_code == 401
    assert APIClient().post("/users/logout/", {"refresh": refresh}).status_code == 204


# --- By cookie --------------------------------------------------------------------------------------------------


def test_cookie_reads_and_changes_nothing_without_a_csrf_token(member):
    browser = APIClient(enforce_csrf_checks=True)
    login(browser)
    salon = member.salons.get()
    assert browser.get("/salons/").status_code == 200
    make_owner_of(member)
    answer = browser.patch(f"/salons/{salon.pk}/", {"name": "Forged"})
    assert answer.status_code == 403
    salon.refresh_from_db()
    assert salon.name != "Forged"


def test_browser_gets_its_csrf_token_at_login_and_may_change_with_it(member):
    browser = APIClient(enforce_csrf_checks=True)
    login(browser)
    make_owner_of(member)
    token = browser.cookies["csrftoken"].value
    answer = browser.patch(f"/salons/{member.salons.get().pk}/", {"name": "Honest"}, HTTP_X_CSRFTOKEN=token)
    assert (answer.status_code, answer.json()["name"]) == (200, "Honest")


def test_refresh_and_logout_by_cookie_need_the_csrf_token_too(member):
    browser = APIClient(enforce_csrf_checks=True)
    login(browser)
    token = browser.cookies["csrftoken"].value
    assert browser.post("/token/refresh/").status_code == 403
    assert browser.post("/token/refresh/", HTTP_X_CSRFTOKEN=token).status_code == 200
    assert browser.post("/users/logout/").status_code == 403
    assert browser.post("/users/logout/", HTTP_X_CSRFTOKEN=token).status_code == 204
    assert browser.get("/salons/").status_code == 401


def test_cookie_of_another_does_not_help_a_bad_header(member):
    browser = APIClient()
    login(browser)
    browser.credentials(HTTP_AUTHORIZATION="Bearer nonsense")
    assert browser.get("/salons/").status_code == 401


def make_owner_of(user):
    user.is_owner = True
    user.save()


# --- Accounts -----------------------------------------------------------------------------------------------------


def registration(*salons, **fields):
    return {
        "email": "new@salon.example",
        "password1": PASSWORD,
        "password2": PASSWORD,
        "full_name": "New",
        "phone_number": "+447400123456",
        "salons": [salon.pk for salon in salons],
        **fields,
    }


def test_owner_registers_staff_for_a_salon_of_their_own(api):
    salon = make_salon()
    answer = api(make_owner(salon)).post("/users/register/", registration(salon))
    assert answer.status_code == 201
    assert "password" not in str(answer.json())
    user = ExtendedUser.objects.get(email="new@salon.example")
    assert user.check_password(PASSWORD)
    assert (list(user.salons.all()), user.is_owner, user.is_staff, user.is_superuser) == ([salon], False, False, False)
    assert login(APIClient(), "new@salon.example").status_code == 200


def test_owner_cannot_register_for_another_salon_nor_learn_that_it_exists(api):
    mine, other = make_salon(), make_salon()
    client = api(make_owner(mine))
    foreign = client.post("/users/register/", registration(other))
    missing = client.post("/users/register/", registration(salons=[10**6]))
    assert foreign.status_code == missing.status_code == 400
    assert codes(foreign) == codes(missing) == ["does_not_exist"]
    assert not ExtendedUser.objects.filter(email="new@salon.example").exists()


def test_staff_register_nobody(api):
    salon = make_salon()
    assert api(make_user(salon)).post("/users/register/", registration(salon)).status_code == 403


def test_only_a_platform_admin_makes_owners(api):
    salon = make_salon()
    assert api(make_owner(salon)).post("/users/register/", registration(salon, is_owner=True)).status_code == 400
    assert api(make_platform_admin()).post("/users/register/", registration(salon, is_owner=True)).status_code == 201


@pytest.mark.parametrize(
    ("fields", "attr"),
    [
        ({"password2": "another one"}, "password2"),
        ({"password1": "12345678", "password2": "12345678"}, "password1"),
        ({"email": "nonsense"}, "email"),
        ({"salons": []}, "salons"),
        ({"is_superuser": True}, "is_superuser"),
        ({"is_staff": True}, "is_staff"),
    ],
)
def test_registration_that_is_not_acceptable_names_the_field(api, fields, attr):
    salon = make_salon()
    answer = api(make_platform_admin()).post("/users/register/", registration(salon, **fields))
    assert answer.status_code == 400
    assert attr in {str(error["attr"]).split(".")[0] for error in answer.json()["errors"]}


def test_e_mail_in_use_in_any_case_is_refused(api, member):
    answer = api(make_platform_admin()).post("/users/register/", registration(make_salon(), email="ADA@salon.example"))
    assert (answer.status_code, codes(answer)) == (400, ["unique"])


# --- Colleagues -----------------------------------------------------------------------------------------------------


def test_users_see_their_colleagues_and_nobody_else(api):
    salon = make_salon()
    me, colleague, stranger = make_user(salon), make_user(salon), make_user(make_salon())
    client = api(me)
    assert {user["id"] for user in client.get("/users/").json()["results"]} == {me.pk, colleague.pk}
    assert client.get(f"/users/{stranger.pk}/").status_code == 404


def test_users_show_only_the_salons_that_the_caller_sees(api):
    shared, elsewhere = make_salon(), make_salon()
    colleague = make_user(shared, elsewhere)
    assert api(make_user(shared)).get(f"/users/{colleague.pk}/").json()["salons"] == [shared.pk]


def test_filter_by_a_salon_that_the_caller_does_not_see_finds_nobody(api):
    shared, elsewhere = make_salon(), make_salon()
    make_user(shared, elsewhere)
    assert api(make_user(shared)).get(f"/users/?salon={elsewhere.pk}").json()["count"] == 0


@pytest.mark.parametrize("field", ["is_owner", "is_active", "is_superuser", "email", "salons"])
def test_nobody_raises_their_own_rank(api, field):
    me = make_user(make_salon())
    before = ExtendedUser.objects.values().get(pk=me.pk)
    api(me).patch(f"/users/{me.pk}/", {field: True})
    assert ExtendedUser.objects.values().get(pk=me.pk) == before


def test_user_with_bookings_ahead_is_not_deleted(api):
    salon = make_salon()
    booking = make_appointment(salon=salon)
    answer = api(make_owner(salon)).delete(f"/users/{booking.user_id}/")
    assert (answer.status_code, codes(answer)) == (409, ["bookings_ahead"])
    assert ExtendedUser.objects.filter(pk=booking.user_id).exists()


def test_user_without_bookings_ahead_is_deleted(api):
    salon = make_salon()
    member = make_user(salon)
    make_appointment(salon=salon, user=member, appointment_time=hours_ahead(-2))
    assert api(make_owner(salon)).delete(f"/users/{member.pk}/").status_code == 204


def test_first_platform_admin_is_made_from_django_s_own_variables(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "admin@salon.example")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", "--noinput", verbosity=0)
    admin = ExtendedUser.objects.get()
    assert (admin.email, admin.is_superuser, admin.is_staff) == ("admin@salon.example", True, True)
    assert login(APIClient(), "admin@salon.example").status_code == 200


def test_list_of_users_costs_the_same_for_any_number(api, django_assert_max_num_queries):
    salon = make_salon()
    client = api(make_owner(salon))
    for _ in range(30):
        make_user(salon, make_salon())
    with django_assert_max_num_queries(6):
        assert client.get("/users/").json()["count"] == 31
