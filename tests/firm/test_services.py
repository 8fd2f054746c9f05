"""The catalogue: codes, prices, and what is recorded."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from practice.core import events
from practice.firm import services
from practice.firm.models import Service
from practice.firm.services import ServiceRefused
from tests.firm import factories


@pytest.fixture
def heard(monkeypatch):
    told = []
    monkeypatch.setitem(
        events._recorders, "firm.service.changed", [lambda service, **facts: told.append(facts["fields"])]
    )
    return told


def test_a_service_gets_a_code_and_the_entity_s_currency(firm, heard):
    first = services.create_service(practice=firm, name="Year-end accounts", price=Decimal(1450))
    second = services.create_service(practice=firm, name="Year-end accounts", price=Decimal(900))
    assert (first.code, second.code, first.currency) == ("YEAR-END-ACCOUNTS", "YEAR-END-ACCOUNTS-2", "AUD")
    assert heard == [["name", "price"], ["name", "price"]]


def test_a_taken_code_and_a_negative_price_are_refused(firm, heard):
    service = factories.make_service(firm, code="BK")
    with pytest.raises(ServiceRefused, match="BK is taken"):
        factories.make_service(firm, code="BK")
    with pytest.raises(ServiceRefused, match="zero or more"):
        services.update_service(service_id=service.pk, price=Decimal(-1))
    assert Service.objects.get().price == Decimal("320.0000")
    assert len(heard) == 1


def test_archive_and_back(firm, heard):
    service = factories.make_service(firm)
    assert services.archive_service(service_id=service.pk).archived_at is not None
    assert services.restore_service(service_id=service.pk).archived_at is None
    assert heard[1:] == [["archived_at"], ["archived_at"]]
    assert service.history.count() == 3


def test_the_database_refuses_a_negative_price(firm):
    service = factories.make_service(firm)
    with pytest.raises(IntegrityError), transaction.atomic():
        Service.objects.filter(pk=service.pk).update(price=-1)
