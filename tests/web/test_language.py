"""The staff pages speak the browser's language; the API, the logs and every text stay English."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from devstack import messages
from sms.models import Message
from tests.factories import hours_ahead, make_appointment, make_customer, make_owner, make_salon, make_user
from web import names

ROOT = Path(__file__).resolve().parents[2]
GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}
CATALOGS = sorted((ROOT / "web/locale").glob("*/LC_MESSAGES/*.po"))
TEMPLATES = sorted((ROOT / "web/templates").rglob("*.html"))


# --- Nothing is left untranslated -------------------------------------------------------------------------


class Leftovers(HTMLParser):
    """What a reader would see of a template from which all of Django's own is gone."""

    SAID = ("aria-label", "placeholder", "title", "alt", "data-title")
    # Names of keys, and an example of a number.
    SAME_EVERYWHERE = re.compile(r"n|t|Tab|Enter|Esc")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        text = data.strip()
        if re.search(r"[^\W\d_]", text) and not self.SAME_EVERYWHERE.fullmatch(text):
            self.found.append(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in self.SAID and value and re.search(r"[^\W\d_]", value)]


def without_django(text: str) -> str:
    text = re.sub(r"{%\s*block (title|body_class)\s*%}[\w-]*{%\s*endblock\s*%}", "", text)
    text = re.sub(r"{%\s*blocktranslate.*?{%\s*endblocktranslate\s*%}", "", text, flags=re.DOTALL)
    return re.sub(r"{[{%#].*?[}%#]}", "", text, flags=re.DOTALL)


def leftovers(text: str) -> list[str]:
    parser = Leftovers()
    parser.feed(without_django(text))
    return parser.found


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_template_has_no_words_outside_of_gettext(path: Path) -> None:
    assert leftovers(path.read_text()) == []


@pytest.mark.parametrize("text", ["<p>Saved</p>", '<a aria-label="Close"></a>', "<p>{{ n }} visits</p>", "Später"])
def test_words_outside_of_gettext_would_be_found(text: str) -> None:
    assert leftovers(text)


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.stem)
def test_catalog_has_all_words_of_the_code_and_a_translation_of_each(path: Path) -> None:
    """After a change of words: `make messages`, and translate what it lists."""
    catalog = messages.catalog_of(path)
    ids = {each.id for each in catalog if each.id}
    assert ids == {each.id for each in messages.extracted(path.stem) if each.id}
    assert messages.untranslated(catalog) == []
    assert [each.id for each in catalog if each.fuzzy and each.id] == []
    assert len(ids) > {"django": 300, "djangojs": 20}[path.stem]


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.stem)
def test_compiled_catalog_is_that_of_its_source(path: Path) -> None:
    assert path.with_suffix(".mo").read_bytes() == messages.compiled(messages.catalog_of(path))


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.stem)
def test_translation_keeps_what_is_filled_in_and_breaks_no_attribute(path: Path) -> None:
    for each in messages.catalog_of(path):
        if not each.id:
            continue
        first = each.id if isinstance(each.id, str) else each.id[0]
        for string in messages.strings_of(each):
            assert set(re.findall(r"%\(\w+\)\w", string)) == set(re.findall(r"%\(\w+\)\w", first)), first
            assert not set(string) & set('"<>'), first


@pytest.mark.parametrize("path", sorted((ROOT / "web/static/web").glob("*.js")), ids=lambda path: path.name)
def test_script_says_nothing_outside_of_gettext(path: Path) -> None:
    assert re.findall(r"""(?:toast|make\("p", "muted", )\(?["`](?!\$)[^"`]*""", path.read_text()) == []


def test_every_kind_and_state_has_a_name() -> None:
    from appointment.models import Appointment

    assert set(names.KINDS) == set(Message.Kind)
    assert set(names.STATUSES) == set(Appointment.Status)


# --- Who is spoken to how ---------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accepts", "lang", "words"),
    [
        ("de", "de", "Kunden"),
        ("de-AT,de;q=0.9,en;q=0.5", "de", "Kunden"),
        ("en-US,en;q=0.9,de;q=0.1", "en-gb", "Customers"),
        ("fr,xx", "en-gb", "Customers"),
        ("", "en-gb", "Customers"),
    ],
)
def test_page_speaks_the_language_that_the_browser_asks_for(desk: Any, accepts: str, lang: str, words: str) -> None:
    salon = make_salon()
    answer = desk(make_user(salon)).get(f"/desk/{salon.pk}/people/", headers={"Accept-Language": accepts})
    page = answer.content.decode()
    assert f'<html lang="{lang}">' in page
    assert f"<h1>{words}</h1>" in page
    assert (answer["Content-Language"], "Accept-Language" in answer["Vary"]) == (lang, True)


@pytest.mark.django_db
def test_every_page_is_drawn_in_german(desk: Any) -> None:
    salon = make_salon(timezone="UTC")
    owner = make_owner(salon)
    visit = make_appointment(salon=salon, user=owner)
    client = desk(owner)
    paths = {
        f"day/?date={visit.appointment_time:%Y-%m-%d}": "Neuer Termin",
        "book/": "Bekannter Kunde",
        f"visits/{visit.pk}/": "Verschieben oder ändern",
        f"visits/{visit.pk}/change/": "Verschieben oder ändern",
        f"visits/{visit.pk}/cancel/": "Termin absagen?",
        f"people/{visit.customer_id}/": "Kunde seit",
        f"people/{visit.customer_id}/merge/": "Mit wem?",
        "texts/": "Erinnerung",
        "replies/": "Keine Antworten",
        "settings/": "Salon und Erinnerungen",
        "settings/days-off/": "Feiertage",
        "settings/services/": "Neue Leistung",
        "blocks/new/": "Zeit sperren",
    }
    for path, words in paths.items():
        page = client.get(f"/desk/{salon.pk}/{path}", headers=GERMAN).content.decode()
        assert words in page, path
    assert "Anmelden" in desk(None).get("/login/", headers=GERMAN).content.decode()
    assert "Hier ist nichts" in client.get("/desk/999/day/", headers=GERMAN).content.decode()
    script = client.get("/desk/words.js", headers=GERMAN)
    assert (script.status_code, "Rückgängig" in script.json() if "json" in script["Content-Type"] else True) == (
        200,
        True,
    )
    assert "R\\u00fcckg\\u00e4ngig" in script.content.decode()


@pytest.mark.django_db
def test_words_are_the_pages_own_and_not_those_of_djangos_admin(desk: Any) -> None:
    salon = make_salon()
    path = f"/desk/{salon.pk}/people/{make_customer(salon).pk}/"
    page = desk(make_user(salon)).get(path, headers=GERMAN).content.decode()
    assert ("Speichern" in page, "Sichern" in page) == (True, False)


@pytest.mark.django_db
def test_api_answers_in_english_also_right_after_a_german_page(desk: Any, api: Any) -> None:
    salon = make_salon()
    user = make_user(salon)
    client, rest = desk(user), api(user)
    for _ in range(2):
        assert "Neuer Kunde" in client.get(f"/desk/{salon.pk}/people/new/", headers=GERMAN).content.decode()
        answer = rest.post("/customers/", {"full_name": "Grace"}, headers=GERMAN)
        assert {error["detail"] for error in answer.json()["errors"]} == {"This field is required."}
        assert "Content-Language" not in answer
    assert translation.get_language() == "en-gb"


@pytest.mark.django_db
def test_refusal_on_a_german_page_is_german(desk: Any) -> None:
    salon = make_salon()
    answer = desk(make_user(salon)).post(
        f"/desk/{salon.pk}/people/new/", {"full_name": "Grace", "phone_number": ""}, headers=GERMAN
    )
    page = answer.content.decode()
    assert (answer.status_code, "Dieses Feld darf nicht leer sein." in page) == (422, True)


@pytest.mark.django_db
def test_text_and_ledger_stay_english_whatever_the_staff_reads(desk: Any) -> None:
    salon = make_salon(timezone="UTC")
    staff = make_user(salon)
    at = hours_ahead(48)
    form = {
        "who": "known",
        "customer": make_customer(salon).pk,
        "date": f"{at:%Y-%m-%d}",
        "time": f"{at:%H:%M}",
        "minutes": "30",
        "column_id": "1",
        "user": staff.pk,
    }
    client = desk(staff)
    foreseen = client.post(f"/desk/{salon.pk}/book/texts/", form, headers=GERMAN).content.decode()
    assert ("Your appointment at Shear Delight has been confirmed" in foreseen, "Bestätigung" in foreseen) == (
        True,
        True,
    )
    assert client.post(f"/desk/{salon.pk}/book/", form, headers=GERMAN).status_code == 302
    visit = staff.appointments.get()
    client.post(f"/desk/{salon.pk}/visits/{visit.pk}/cancel/", {"reason": ""}, headers=GERMAN)
    told = Message.objects.get(booking_id=visit.pk, kind="cancellation")
    assert told.body.startswith("Hi, We regret to inform you")
    assert Message.objects.get(booking_id=visit.pk, kind="reminder").reason == "the visit was cancelled"


@pytest.mark.django_db
def test_numbers_in_forms_are_read_as_they_are_shown(desk: Any) -> None:
    """German writes 32,50; what a form shows it must take back."""
    from schedule.models import Service

    salon = make_salon()
    client = desk(make_owner(salon))
    service = Service.objects.create(salon=salon, name="Cut", duration_minutes=45, price="32.50")
    path = f"/desk/{salon.pk}/settings/services/{service.pk}/"
    page = client.get(path, headers=GERMAN).content.decode()
    price = re.findall(r'name="price" value="(.*?)"', page)[0]
    client.post(path, {"name": "Cut", "duration_minutes": "45", "price": price, "all": "yes"}, headers=GERMAN)
    service.refresh_from_db()
    assert str(service.price) == "32.50"
