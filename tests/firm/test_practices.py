"""A new practice starts with its country's rates; people come with roles; somebody always owns it."""

from datetime import date
from decimal import Decimal

import pytest

from practice.firm import people, practices
from practice.firm.models import Mail, Membership, TaxRate
from practice.firm.models.practices import rates_at
from practice.firm.people import PeopleRefused
from practice.firm.practices import PracticeRefused
from tests.firm import factories

R = Membership.Role


@pytest.mark.parametrize(
    ("country", "currency", "zone", "tax", "rate"),
    [
        ("AU", "AUD", "Australia/Sydney", "GST", 10),
        ("NZ", "NZD", "Pacific/Auckland", "GST", 15),
        ("GB", "GBP", "Europe/London", "VAT", 20),
        ("US", "USD", "America/New_York", "Sales tax", 0),
    ],
)
@pytest.mark.django_db
def test_a_country_brings_its_regime(country, currency, zone, tax, rate):
    entity = factories.make_practice(country=country).entities.get()
    assert (entity.currency, entity.time_zone, entity.tax_name) == (currency, zone, tax)
    assert rates_at(entity, date(2026, 11, 20))["standard"] == rate
    assert rates_at(entity, date(2026, 11, 20))["zero"] == 0
    assert TaxRate.objects.filter(entity=entity).count() == 4


@pytest.mark.django_db
@pytest.mark.parametrize("slug", ["me", "accounts", "Harbour", "hv"])
def test_an_address_that_is_taken_or_not_one_is_refused(slug):
    with pytest.raises(PracticeRefused) as refused:
        factories.make_practice(slug=slug)
    assert refused.value.field in ("slug", "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "seal"), [("Harbour & Vale", "HV"), ("Larkin CPA", "LC"), ("Finch Pty Ltd", "F"), ("the quiet firm", "TQ")]
)
def test_the_seal_s_letters(name, seal):
    assert practices.initials_of(name) == seal


def test_a_new_rate_starts_after_the_present_one(firm):
    entity = firm.entities.get()
    practices.set_tax_rate(entity_id=entity.pk, treatment="standard", rate=Decimal("12.5"), valid_from=date(2027, 7, 1))
    assert rates_at(entity, date(2027, 6, 30))["standard"] == 10
    assert rates_at(entity, date(2027, 7, 1))["standard"] == Decimal("12.5")
    with pytest.raises(PracticeRefused, match="must start after 1 July 2027"):
        practices.set_tax_rate(entity_id=entity.pk, treatment="standard", rate=Decimal(1), valid_from=date(2027, 1, 1))
    assert TaxRate.history.filter(practice_ref=firm.pk).count() == 5


def test_an_entity_s_tax_number_is_checked(firm):
    entity = firm.entities.get()
    assert practices.update_entity(entity_id=entity.pk, tax_number="51824753556").tax_number == "51 824 753 556"
    with pytest.raises(PracticeRefused, match="Check this ABN"):
        practices.update_entity(entity_id=entity.pk, tax_number="123")


def test_a_practice_keeps_an_owner(firm, owner, alice):
    with pytest.raises(PeopleRefused, match="needs an owner"):
        people.revoke_role(practice=firm, user=owner, role=R.OWNER)
    with pytest.raises(PeopleRefused):
        people.set_roles(practice=firm, user=owner, roles=[R.PARTNER])
    assert set(owner.memberships.values_list("role", flat=True)) == {R.OWNER}
    people.set_roles(practice=firm, user=alice, roles=[R.OWNER])
    people.revoke_role(practice=firm, user=owner, role=R.OWNER)
    assert not owner.memberships.exists()
    assert Membership.history.filter(user_id=owner.pk, history_type="-").count() == 1


def test_somebody_new_is_invited_and_somebody_known_is_not_made_twice(firm, charlie):
    user = people.add_member(
        practice=firm, email="Priya@Harbour.example", name="Priya Shah", roles=[R.PREPARER, R.BILLING]
    )
    assert (user.email, user.has_usable_password()) == ("priya@harbour.example", False)
    assert Mail.objects.get().to_email == "priya@harbour.example"
    people.add_member(practice=firm, email=charlie.email, name="Somebody else", roles=[R.PARTNER])
    charlie.refresh_from_db()
    assert charlie.name == "Charlie Larkin"
    with pytest.raises(PeopleRefused, match="already here"):
        people.add_member(practice=firm, email=charlie.email, name="", roles=[R.BILLING])
    with pytest.raises(PeopleRefused, match="at least one role"):
        people.add_member(practice=firm, email="new@harbour.example", name="New", roles=[])


@pytest.mark.parametrize("prefix", ["A\r\nB", 'A"B', "é-", "A B", ";"])
def test_a_number_begins_with_what_a_file_name_can_say(firm, prefix):
    entity = firm.entities.get()
    with pytest.raises(PracticeRefused) as refused:
        practices.update_entity(entity_id=entity.pk, invoice_prefix=prefix)
    assert refused.value.field == "invoice_prefix"


@pytest.mark.parametrize("days", [366, 40_000, 10**18])
def test_nobody_has_more_than_a_year_to_pay(firm, days):
    with pytest.raises(PracticeRefused) as refused:
        practices.update_entity(entity_id=firm.entities.get().pk, payment_days=days)
    assert refused.value.field == "payment_days"


def test_a_rate_that_would_bar_every_later_one_is_refused(firm):
    entity = firm.entities.get()
    with pytest.raises(PracticeRefused, match="31 December 9999: check the year"):
        practices.set_tax_rate(entity_id=entity.pk, treatment="zero", rate=Decimal(5), valid_from=date(9999, 12, 31))


def test_names_are_one_line(firm):
    practices.update_practice(practice_id=firm.pk, name="Harbour\r\nBcc: x@y.example")
    entity = practices.update_entity(entity_id=firm.entities.get().pk, name="Harbour\nVale", address="1 Lane\nSydney")
    user = people.add_member(practice=firm, email="n@x.example", name="Nina\r\nCosta", roles=["auditor"])
    people.update_me(user_id=user.pk, name="Nina \n Vale", keys_on=True)
    firm.refresh_from_db()
    user.refresh_from_db()
    assert (firm.name, user.name) == ("Harbour Bcc: x@y.example", "Nina Vale")
    assert (entity.name, entity.address) == ("Harbour Vale", "1 Lane\nSydney")
