"""The firm's pages: they work without script, keep the content policy, ask few questions, and say what is wrong."""

import re
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.template import Context, Template
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from practice.core import clock, panels
from practice.firm import clients, mail
from practice.firm.forms import countries
from practice.firm.models import Client, Mail, Service
from practice.firm.needs import Need
from tests.firm import factories

CLIENT = {
    "name": "Calder Physio", "kind": "organisation", "country": "AU", "currency": "AUD", "tax_treatment": "domestic",
    "payment_days": "14",
}  # fmt: skip


@pytest.fixture
def full(firm, larkspur, owner):
    """A practice with a row on every page."""
    person = factories.make_person(larkspur)
    service = factories.make_service(firm)
    group = clients.create_group(practice=firm, name="The Larkspurs")
    mail.owe_mail(practice=firm, kind="firm.invited", to_email="a@larkspur.example", to_name="A", facts={})
    base = f"/{firm.slug}"
    return [
        f"{base}/", f"{base}/search/?q=lark", f"{base}/clients/", f"{base}/clients/new/",
        f"{base}/clients/{larkspur.pk}/", f"{base}/clients/{larkspur.pk}/edit/",
        f"{base}/clients/{larkspur.pk}/people/new/",
        f"{base}/clients/{larkspur.pk}/people/{person.pk}/", f"{base}/clients/{larkspur.pk}/addresses/billing/",
        f"{base}/clients/groups/", f"{base}/clients/groups/new/", f"{base}/clients/groups/{group.pk}/",
        f"{base}/services/", f"{base}/services/new/", f"{base}/services/{service.pk}/",
        f"{base}/settings/", f"{base}/settings/people/",
        f"{base}/settings/people/{owner.pk}/", f"{base}/settings/entities/{firm.entities.get().pk}/",
        f"{base}/settings/roles/", f"{base}/settings/tax/", f"{base}/settings/mail/", f"{base}/audit/",
        f"{base}/audit/verify/", f"{base}/audit/firm.client/{larkspur.pk}/", "/me/", "/accounts/2fa/",
        "/accounts/password/change/", "/accounts/logout/", "/accounts/sessions/",
    ]  # fmt: skip


def content(html):
    return re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL)


def assert_keeps_policy(html, where):
    assert not re.search(r"<[^>]*\sstyle\s*=", html), f"inline style on {where}"
    assert "<style" not in html, where
    assert not re.search(r"<[^>]*\son[a-z]+\s*=", html), f"inline handler on {where}"
    for tag in re.findall(r"<script[^>]*>", html):
        assert "src=" in tag or "application/json" in tag, f"inline script on {where}: {tag}"


def test_no_page_has_inline_style_or_script(full, owner, sign_in):
    browser = sign_in(owner)
    for path in full:
        answer = browser.get(path, follow=True)
        assert answer.status_code == 200, path
        assert_keeps_policy(answer.content.decode(), path)
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.django_db
def test_no_page_of_a_visitor_has_inline_style_or_script():
    for path in ("/accounts/login/", "/accounts/login/code/", "/accounts/password/reset/", "/no/such/page/"):
        assert_keeps_policy(Browser().get(path).content.decode(), path)


def test_no_page_asks_more_than_25_questions(full, owner, sign_in, django_assert_max_num_queries):
    browser = sign_in(owner)
    for path in full:
        with django_assert_max_num_queries(25):
            browser.get(path)


@pytest.mark.parametrize(
    "path", ["clients/", "services/", "clients/groups/", "settings/mail/", "settings/people/", "search/?q=b"]
)
def test_a_list_asks_as_much_for_200_rows_as_for_10(firm, owner, sign_in, django_assert_num_queries, path):
    def grow(n):
        for i in range(n):
            group = clients.create_group(practice=firm, name=f"Group b {i} of {n}")
            factories.make_client(firm, group=group, partner=owner)
            factories.make_service(firm)
            mail.owe_mail(practice=firm, kind="firm.invited", to_email="b@x.example", to_name="B", facts={})
        for i in range(n // 10):
            factories.make_member(firm, "preparer", "billing", name=f"Bee {i}")

    browser = sign_in(owner)
    grow(10)
    with CaptureQueriesContext(connection) as few:
        browser.get(f"/{firm.slug}/{path}")
    grow(190)
    with django_assert_num_queries(len(few)):
        browser.get(f"/{firm.slug}/{path}")


def test_a_client_is_added_without_script(firm, bob, sign_in):
    answer = sign_in(bob).post(f"/{firm.slug}/clients/new/", CLIENT)
    client = Client.objects.get()
    assert answer.headers["Location"] == f"/{firm.slug}/clients/{client.pk}/"
    assert client.history.get().history_user == bob


def test_htmx_is_told_to_go_on(firm, bob, sign_in):
    answer = sign_in(bob).post(f"/{firm.slug}/clients/new/", CLIENT, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == f"/{firm.slug}/clients/{Client.objects.get().pk}/"


def test_a_wrong_form_answers_422_with_the_form_alone(firm, bob, sign_in):
    answer = sign_in(bob).post(
        f"/{firm.slug}/clients/new/", {**CLIENT, "name": "", "billing_email": "amelie"}, headers={"HX-Request": "true"}
    )
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "<html" not in html
    assert "Two things to put right" in html
    assert "<title>Error: New client</title>" in html
    assert '<a href="#id_name">Enter the client&#x27;s name</a>' in html
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_name_error"' in html
    assert html.index('id="id_name_error"') > html.index('for="id_name"')
    assert 'value="amelie"' in html
    assert not Client.objects.exists()


def test_without_script_the_whole_page_comes_back_with_its_errors(firm, bob, sign_in):
    answer = sign_in(bob).post(f"/{firm.slug}/clients/new/", {**CLIENT, "tax_number": "123"})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "<title>Error: New client" in html
    assert "Check this ABN" in html
    assert html.count("<title>") == 1


def test_the_list_is_found_part_by_part(firm, bob, sign_in):
    factories.make_client(firm, name="Larkspur Bakery")
    factories.make_client(firm, name="Calder Physio")
    answer = sign_in(bob).get(f"/{firm.slug}/clients/?q=cald", headers={"HX-Request": "true"})
    html = answer.content.decode()
    assert "Calder Physio" in html
    assert "Larkspur" not in html
    assert "<html" not in html
    assert "HX-Request" in answer.headers["Vary"]


def test_a_list_is_paged_by_fifty(firm, bob, sign_in):
    for n in range(51):
        factories.make_client(firm, name=f"Client {n:02}")
    browser = sign_in(bob)
    first, second = (browser.get(f"/{firm.slug}/clients/?page={n}").content.decode() for n in (1, 2))
    assert "1 to 50 of 51" in first
    assert "Client 50" not in first
    assert "51 to 51 of 51" in second
    assert "Client 50" in second
    assert "1 to 50 of 51" in browser.get(f"/{firm.slug}/clients/?page=x").content.decode()


def test_a_service_is_typed_as_people_type(firm, alice, sign_in):
    sign_in(alice).post(
        f"/{firm.slug}/services/new/",
        {
            "name": "Year-end accounts",
            "price": "$1,450",
            "currency": "AUD",
            "cadence": "completion",
            "treatment": "standard",
        },
    )
    assert Service.objects.get().price == Decimal(1450)


def test_a_service_is_stopped_and_undone_in_its_row(firm, alice, sign_in):
    service = factories.make_service(firm)
    browser = sign_in(alice)
    path = f"/{firm.slug}/services/{service.pk}/archive/"
    row = browser.post(path, headers={"HX-Request": "true"}).content.decode()
    assert ">Undo<" in row
    assert "<table" not in row
    browser.post(path, {"undo": "1"}, headers={"HX-Request": "true"})
    service.refresh_from_db()
    assert service.archived_at is None


def test_people_tax_and_firm_are_changed_by_the_owner(firm, owner, sign_in):
    browser = sign_in(owner)
    base = f"/{firm.slug}/settings"
    assert (
        browser.post(f"{base}/people/", {"name": "Priya", "email": "priya@x.example", "roles": ["billing"]}).status_code
        == 302
    )
    assert (
        browser.post(f"{base}/people/", {"name": "Priya", "email": "priya@x.example", "roles": ["billing"]}).status_code
        == 422
    )
    assert browser.post(f"{base}/people/{owner.pk}/", {"roles": ["partner"]}).status_code == 422
    entity = firm.entities.get()
    rate = {"entity": entity.pk, "treatment": "standard", "rate": "12.5", "valid_from": "2027-07-01"}
    assert browser.post(f"{base}/tax/", rate).status_code == 302
    assert browser.post(f"{base}/tax/", rate).status_code == 422
    form = {"name": "Harbour & Vale", "initials": "HV", "brand_colour": "#ffdd00", "phone": "", "email": ""}
    assert browser.post(f"{base}/", form).status_code == 302
    assert browser.post(f"{base}/", {**form, "brand_colour": "yellow"}).status_code == 422


def test_a_brand_colour_is_made_readable(firm):
    from practice.firm import brand, practices

    practices.update_practice(practice_id=firm.pk, brand_colour="#FFDD00")
    answer = Browser().get(f"/{firm.slug}/brand.css")
    assert answer.headers["Content-Type"] == "text/css"
    day, night = re.search(r"--accent:light-dark\((#\w+),(#\w+)\)", answer.content.decode()).groups()
    assert brand.contrast(brand._parse(day), (246, 244, 239)) >= 4.5
    assert brand.contrast(brand._parse(night), (26, 30, 27)) >= 4.5


def test_me(bob, sign_in):
    browser = sign_in(bob)
    assert browser.post("/me/", {"name": "Robert Reed"}).status_code == 302
    bob.refresh_from_db()
    assert (bob.name, bob.keys_on) == ("Robert Reed", False)
    assert 'data-keys="off"' in browser.get("/me/").content.decode()


def test_a_new_practice_shows_what_is_left_to_set_up(firm, bob, sign_in):
    page = sign_in(bob).get(f"/{firm.slug}/").content.decode()
    assert "Set up your practice" in page
    assert "Write down what you sell" in page


def test_the_dashboard_merges_what_needs_you_by_money_then_age(firm, larkspur, bob, sign_in, monkeypatch):
    def small(request, member):
        rows = [Need("Small", "d", "Do", "/x", amount=Decimal(5), currency="AUD"), Need("None", "d", "Do", "/x")]
        return "firm/needs.html", {"needs": rows}

    def large(request, member):
        return "firm/needs.html", {"needs": [Need("Large", "d", "Do", "/x", amount=Decimal("2904.00"), currency="AUD")]}

    def fails(request, member):
        raise RuntimeError("broken panel")

    monkeypatch.setitem(panels._panels, "firm.dashboard.needs", [(1, small), (2, fails), (3, large)])
    page = " ".join(sign_in(bob).get(f"/{firm.slug}/").content.decode().split())
    assert "Three things need you. $2,909.00 is waiting on them." in page
    assert page.index(">Large<") < page.index(">Small<") < page.index(">None<")
    assert "This panel could not be loaded" in page
    assert "3 need you" in page


def test_nothing_needs_you(firm, larkspur, bob, sign_in):
    page = sign_in(bob).get(f"/{firm.slug}/").content.decode()
    assert "Nothing needs you." in page
    assert "need you</a>" not in page


def test_mail_that_was_refused_is_a_thing_to_do_and_can_be_corrected(firm, larkspur, bob, sign_in):
    lost = mail.owe_mail(practice=firm, kind="firm.invited", to_email="wrong@x.example", to_name="", facts={})
    Mail.objects.filter(pk=lost.pk).update(parked_at=clock.now(), parked_code="mail_refused", ready_at=None)
    browser = sign_in(bob)
    assert "A mail to wrong@x.example was not delivered" in browser.get(f"/{firm.slug}/").content.decode()
    browser.post(f"/{firm.slug}/settings/mail/{lost.pk}/again/", {"email": "right@x.example"})
    lost.refresh_from_db()
    assert (lost.to_email, lost.is_parked, lost.owes) == ("right@x.example", False, True)


def test_a_mail_that_arrived_is_not_sent_to_another_address(firm, larkspur, bob, sign_in):
    arrived = mail.owe_mail(practice=firm, kind="firm.invited", to_email="right@x.example", to_name="", facts={})
    answer = sign_in(bob).post(f"/{firm.slug}/settings/mail/{arrived.pk}/again/", {"email": "mine@x.example"})
    arrived.refresh_from_db()
    assert (answer.status_code, arrived.to_email) == (404, "right@x.example")


def test_search_finds_clients_by_their_people(firm, larkspur, bob, sign_in):
    factories.make_person(larkspur, name="Amélie Larkspur", email="amelie@calder.example")
    browser = sign_in(bob)
    assert "Larkspur Bakery" in browser.get(f"/{firm.slug}/search/?q=calder").content.decode()
    assert "Nothing found" in browser.get(f"/{firm.slug}/search/?q=zebra").content.decode()


def test_an_unexpected_error_shows_an_id_to_quote(firm, bob, sign_in, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("unexpected")

    monkeypatch.setattr("practice.firm.views.clients.paginate", broken)
    browser = sign_in(bob)
    browser.raise_request_exception = False
    answer = browser.get(f"/{firm.slug}/clients/")
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] in answer.content.decode()
    assert "Not saved. Nothing changed." in answer.content.decode()


def test_the_countries_are_countries():
    codes = {code for code, _ in countries()}
    assert {"AU", "NZ", "US", "GB", "HK", "XK"} <= codes
    assert not codes & {"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"}
    assert len(codes) == len(countries()) > 235


def test_a_day_stands_in_words_beside_its_field():
    template = Template("{{ a|spoken }}|{{ b|spoken }}|{{ c|spoken }}|{{ d|spoken }}")
    shown = template.render(Context({"a": date(2026, 12, 1), "b": "2026-01-12", "c": "12/01/2026", "d": None}))
    assert shown == "1 December 2026|12 January 2026||"
