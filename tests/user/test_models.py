import pytest
from django.db import IntegrityError

from tests.factories import make_owner, make_platform_admin, make_salon, make_user
from user.models import ExtendedUser

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("email", ["", None])
def test_user_needs_an_e_mail_address(email):
    with pytest.raises(ValueError, match="needs an e-mail address"):
        ExtendedUser.objects.create_user(email)


def test_user_is_made_without_rank_and_with_a_hashed_password():
    user = ExtendedUser.objects.create_user("Ada@SALON.example", "secret words")
    assert user.email == "Ada@salon.example"
    assert user.check_password("secret words")
    assert (user.is_staff, user.is_superuser, user.is_owner, user.is_active) == (False, False, False, True)


def test_user_without_a_password_cannot_log_in_by_one():
    assert not ExtendedUser.objects.create_user("a@b.example").has_usable_password()


def test_superuser_is_a_platform_admin():
    user = ExtendedUser.objects.create_superuser("a@b.example", "secret words")
    assert (user.is_staff, user.is_superuser) == (True, True)


def test_two_users_cannot_share_an_e_mail_in_different_case():
    make_user(email="ada@salon.example")
    with pytest.raises(IntegrityError, match="user_email_any_case"):
        make_user(email="ADA@salon.example")


def test_user_is_found_by_e_mail_in_any_case():
    user = make_user(email="Ada@salon.example")
    assert ExtendedUser.objects.get_by_natural_key("aDA@Salon.Example") == user


def test_salon_is_owned_by_its_owners_and_platform_admins_alone():
    salon, other = make_salon(), make_salon()
    assert make_owner(salon).owns(salon)
    assert make_platform_admin().owns(salon)
    assert not make_user(salon).owns(salon)
    assert not make_owner(other).owns(salon)


def test_user_is_called_by_name_or_else_by_e_mail():
    assert str(make_user(full_name="Ada")) == "Ada"
    assert str(make_user(email="ada@salon.example")) == "ada@salon.example"
