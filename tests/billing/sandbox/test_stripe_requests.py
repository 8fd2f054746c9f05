"""How the sandbox reads requests: keys, parameters, idempotency, errors, lists, and nonsense."""

from __future__ import annotations

import json
import random
import threading
from typing import Any

import pytest
import requests
import stripe

from billing.sandbox.stripe import StripeSandbox, wire
from billing.sandbox.stripe.routes import ROUTES
from practice.core import clock, network
from practice.core.sandbox.faults import Fault
from practice.core.sandbox.http import Request
from practice.core.sandbox.server import Server
from practice.core.sandbox.store import Store
from tests.billing.sandbox import stripe_names
from tests.billing.sandbox.conftest import BASE, connect


def test_the_table_of_parameters_is_the_sdks() -> None:
    changes = stripe_names.drift(json.loads(stripe_names.TABLE.read_text()), stripe_names.table())
    assert not changes, (
        "Stripe's SDK has changed what its calls take. Read the changes, play what Countersign needs of them, then run "
        "python -m tests.billing.sandbox.stripe_names:\n" + "\n".join(changes)
    )
    assert json.loads(stripe_names.TABLE.read_text()) == stripe_names.table()
    assert {route.name for route in ROUTES} == set(stripe_names.ROUTES)
    assert stripe.api_version == wire.API_VERSION


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("capture_method", "later", "Invalid capture_method: must be one of automatic, automatic_async, or manual"),
        ("setup_future_usage", "always", "Invalid setup_future_usage: must be one of off_session or on_session"),
        ("receipt_email", "nobody", "Invalid email address: nobody"),
        ("statement_descriptor_suffix", "<shop>", "at least one letter"),
        ("statement_descriptor_suffix", "2026", "at least one letter"),
    ],
)
def test_a_payment_takes_only_the_words_that_are_documented(api: Any, name: str, value: str, words: str) -> None:
    intent = api.payment_intents.create({"amount": 1000, "currency": "aud"})
    for call in (
        lambda: api.payment_intents.create({"amount": 1000, "currency": "aud", name: value}),
        lambda: api.payment_intents.update(intent.id, {name: value}),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=words) as refused:
            call()
        assert refused.value.http_status == 400
    assert len(api.payment_intents.list().data) == 1


def test_a_deleted_customer_named_in_a_payment_is_as_one_that_never_was(api: Any) -> None:
    gone = api.customers.create({"name": "A"})
    api.customers.delete(gone.id)
    for key in (gone.id, "cus_never"):
        with pytest.raises(stripe.InvalidRequestError, match="No such customer") as refused:
            api.payment_intents.create({"amount": 1000, "currency": "aud", "customer": key})
        assert (refused.value.http_status, refused.value.param) == (400, "customer")


def test_a_repeated_key_charges_once(api: Any, charge: Any, saved: Any) -> None:
    method = saved("pm_card_visa").payment_method
    first = charge(method, options={"idempotency_key": "attempt-1"})
    again = charge(method, options={"idempotency_key": "attempt-1"})
    assert again.id == first.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert len(api.charges.list().data) == 1


def test_a_key_used_with_other_parameters_is_refused(api: Any, charge: Any, saved: Any) -> None:
    method = saved("pm_card_visa").payment_method
    charge(method, options={"idempotency_key": "attempt-1"})
    with pytest.raises(stripe.IdempotencyError) as refused:
        charge(method, amount=120_000, options={"idempotency_key": "attempt-1"})
    assert refused.value.http_status == 400
    assert len(api.charges.list().data) == 1


def test_a_decline_is_replayed_until_the_key_is_a_day_old(api: Any, charge: Any, saved: Any) -> None:
    method = saved("pm_card_chargeCustomerFail").payment_method
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            charge(method, options={"idempotency_key": "attempt-1"})
    assert len(api.charges.list().data) == 1
    clock.advance(hours=24, seconds=1)
    with pytest.raises(stripe.CardError):
        charge(method, options={"idempotency_key": "attempt-1"})
    assert len(api.charges.list().data) == 2


def test_a_server_error_is_replayed_too(sandbox: StripeSandbox, api: Any) -> None:
    sandbox.faults.order(Fault("server_error", "/v1/customers", "POST"))
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            api.customers.create({"name": "A"}, {"idempotency_key": "k"})
    assert api.customers.create({"name": "A"}, {"idempotency_key": "k2"}).name == "A"
    assert len(api.customers.list().data) == 1


def test_a_validation_failure_is_not_kept(api: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        api.customers.create({"nickname": "A"}, {"idempotency_key": "k"})
    assert api.customers.create({"name": "A"}, {"idempotency_key": "k"}).name == "A"


def test_keys_belong_to_an_account(api: Any, us: Any) -> None:
    ours = api.customers.create({"name": "A"}, {"idempotency_key": "k"})
    theirs = us.customers.create({"name": "A"}, {"idempotency_key": "k"})
    assert ours.id != theirs.id
    with pytest.raises(stripe.InvalidRequestError) as refused:
        us.customers.retrieve(ours.id)
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


def test_a_lost_answer_and_a_retry_are_one_charge(sandbox: StripeSandbox, api: Any, charge: Any, saved: Any) -> None:
    method = saved("pm_card_visa").payment_method
    sandbox.faults.order(Fault("response_lost", "/v1/payment_intents", "POST"))
    with pytest.raises(stripe.APIConnectionError):
        charge(method, options={"idempotency_key": "attempt-1"})
    again = charge(method, options={"idempotency_key": "attempt-1"})
    assert again.status == "succeeded"
    assert len(api.charges.list().data) == 1


def test_a_rate_limit_commits_nothing_and_says_so(sandbox: StripeSandbox, api: Any) -> None:
    sandbox.faults.order(Fault("rate_limited", "/v1/customers", retry_after=2))
    with pytest.raises(stripe.RateLimitError):
        api.customers.create({"name": "A"}, {"idempotency_key": "k"})
    assert api.customers.list().data == []
    assert api.customers.create({"name": "A"}, {"idempotency_key": "k"}).name == "A"


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"bogus": "1"}, "parameter_unknown", "bogus"),
        ({"address": {"planet": "Mars"}}, "parameter_unknown", "address[planet]"),
        ({"email": ""}, "parameter_invalid_empty", "email"),
        ({"email": "not an address"}, "email_invalid", "email"),
        ({"balance": "ten"}, "parameter_invalid_integer", "balance"),
    ],
)
def test_wrong_parameters_are_refused(api: Any, params: Any, code: str, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.customers.create(params)
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, param)
    assert api.customers.list().data == []


@pytest.mark.parametrize(
    ("resource", "params", "param"),
    [
        ("customers", {"tax": {"ip_address": "203.0.113.5"}}, "tax"),
        ("payment_intents", {"amount": 500, "currency": "aud", "radar_options": {"session": "rse_1"}}, "radar_options"),
    ],
)
def test_what_is_not_played_is_refused_not_ignored(api: Any, resource: str, params: Any, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="does not play") as refused:
        getattr(api, resource).create(params)
    assert refused.value.param == param
    assert getattr(api, resource).list().data == []
    with pytest.raises(stripe.InvalidRequestError, match="does not play"):
        api.customers.list({"test_clock": "clock_1"})


def test_required_and_withdrawn_parameters(api: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.payment_intents.create({"currency": "aud"})
    assert (refused.value.code, refused.value.param) == ("parameter_missing", "amount")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.payment_intents.create({"amount": 100, "currency": "aud", "payment_method_types": ["card"]})
    assert refused.value.code == "payment_method_types_no_longer_supported"


@pytest.mark.parametrize("amount", [0, -5, 49, 100_000_000])
def test_amounts_have_limits(api: Any, amount: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.payment_intents.create({"amount": amount, "currency": "aud"})
    assert refused.value.param == "amount"


def test_types_are_filtered_silently(api: Any) -> None:
    intent = api.payment_intents.create(
        {"amount": 100, "currency": "aud", "allowed_payment_method_types": ["us_bank_account", "card"]}
    )
    assert intent.payment_method_types == ["card"]
    assert api.payment_intents.create({"amount": 100, "currency": "aud"}).payment_method_types == [
        "card",
        "au_becs_debit",
    ]


def test_metadata_is_merged_and_unset(api: Any) -> None:
    made = api.customers.create({"metadata": {"client": "7", "kind": "company"}})
    assert api.customers.update(made.id, {"metadata": {"kind": "", "partner": "Ana"}}).metadata.to_dict() == {
        "client": "7",
        "partner": "Ana",
    }
    assert api.customers.update(made.id, {"metadata": ""}).metadata.to_dict() == {}


def test_pages_are_newest_first_both_ways(api: Any) -> None:
    made = [api.customers.create({"name": str(n)}).id for n in range(7)]
    newest = made[::-1]
    page = api.customers.list({"limit": 3})
    assert [c.id for c in page.data] == newest[:3]
    assert page.has_more
    after = api.customers.list({"limit": 3, "starting_after": newest[2]})
    assert [c.id for c in after.data] == newest[3:6]
    before = api.customers.list({"limit": 3, "ending_before": newest[6]})
    assert [c.id for c in before.data] == newest[3:6]
    assert before.has_more
    assert [c.id for c in api.customers.list({"limit": 2}).auto_paging_iter()] == newest
    with pytest.raises(stripe.InvalidRequestError):
        api.customers.list({"starting_after": "cus_nobody"})


@pytest.mark.parametrize(("limit", "rows"), [(0, 1), (-3, 1), (101, 100), (5, 5)])
def test_a_limit_out_of_range_is_brought_inside_without_a_word(api: Any, limit: int, rows: int) -> None:
    for number in range(103):
        api.customers.create({"name": str(number)})
    page = api.customers.list({"limit": limit})
    assert (len(page.data), page.has_more) == (rows, True)


def test_created_filters(api: Any) -> None:
    first = api.customers.create({"name": "first"})
    clock.advance(minutes=1)
    second = api.customers.create({"name": "second"})
    assert [c.id for c in api.customers.list({"created": {"gt": first.created}}).data] == [second.id]
    assert [c.id for c in api.customers.list({"created": first.created}).data] == [first.id]


def test_expanding_goes_deep_and_refuses_what_is_no_object(api: Any, charge: Any, saved: Any) -> None:
    intent = charge(saved("pm_card_visa").payment_method)
    clock.advance(seconds=5)
    paths = ["latest_charge.balance_transaction", "payment_method", "customer"]
    shown = api.payment_intents.retrieve(intent.id, {"expand": paths})
    assert shown.latest_charge.balance_transaction.net == 110_000 - 1_900
    assert shown.payment_method.card.last4 == "4242"
    listed = api.payment_intents.list({"expand": ["data.latest_charge"]})
    assert listed.data[0].latest_charge.id == shown.latest_charge.id
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        api.payment_intents.retrieve(intent.id, {"expand": ["status"]})


def test_search_lags_a_minute(api: Any) -> None:
    made = api.payment_intents.create({"amount": 500, "currency": "aud", "metadata": {"attempt": "a-1"}})
    query = {"query": "metadata['attempt']:'a-1' AND amount>400"}
    assert api.payment_intents.search(query).data == []
    clock.advance(minutes=2)
    assert [p.id for p in api.payment_intents.search(query).data] == [made.id]
    with pytest.raises(stripe.InvalidRequestError):
        api.payment_intents.search({"query": "what?"})


def test_keys_have_scopes(sandbox: StripeSandbox, api: Any) -> None:
    keys = sandbox.credentials("acct_harbour")
    with pytest.raises(stripe.AuthenticationError):
        connect("sk_test_nobody").balance.retrieve()
    with pytest.raises(stripe.AuthenticationError, match="no live keys"):
        connect("sk_live_real").balance.retrieve()
    browser = connect(keys["publishable_key"])
    with pytest.raises(stripe.PermissionError):
        browser.customers.list()
    intent = api.payment_intents.create({"amount": 500, "currency": "aud", "metadata": {"secret": "yes"}})
    with pytest.raises(stripe.InvalidRequestError):
        browser.payment_intents.retrieve(intent.id)
    seen = browser.payment_intents.retrieve(intent.id, {"client_secret": intent.client_secret})
    assert seen.status == "requires_payment_method"
    assert "metadata" not in seen.to_dict()
    restricted = connect(keys["restricted_key"])
    assert restricted.payment_intents.create({"amount": 500, "currency": "aud"}).status == "requires_payment_method"
    with pytest.raises(stripe.PermissionError):
        restricted.payouts.create({"amount": 500, "currency": "aud"})


def test_card_numbers_come_from_browsers_only(api: Any) -> None:
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030, "cvc": "123"}
    with pytest.raises(stripe.CardError, match="unsafe"):
        api.payment_methods.create({"type": "card", "card": card})


def test_another_version_is_refused(sandbox: StripeSandbox) -> None:
    key = sandbox.credentials("acct_harbour")["secret_key"]
    answer = network.mount(requests.Session()).get(
        BASE + "/v1/balance", headers={"Authorization": f"Bearer {key}", "Stripe-Version": "2017-08-15"}
    )
    assert answer.status_code == 400
    basic = network.mount(requests.Session()).get(BASE + "/v1/balance", auth=(key, ""))
    assert basic.status_code == 200
    assert basic.headers["Request-Id"].startswith("req_")
    assert basic.headers["Stripe-Version"] == stripe.api_version


def test_nonsense_is_never_a_server_error(sandbox: StripeSandbox) -> None:
    chance = random.Random(3)
    keys = sandbox.credentials("acct_harbour")
    parts = [
        "a",
        "[",
        "]",
        "=",
        "&",
        "%",
        "amount",
        "metadata",
        "0",
        "[]",
        "[x]",
        "\xff",
        "expand[]=",
        "card",
        "\x00",
        "currency=aud",
        "amount=500",
        "confirm=true",
        "payment_method=pm_card_visa",
        "customer=cus_1",
        "type=card",
        "created[gte]=z",
        "limit=2",
        "query=x",
        "card[number]=4",
        "url=x",
        "enabled_events[]=*",
    ]
    for _ in range(1500):
        route = chance.choice(ROUTES)
        method, _, path = route.name.partition(" ")
        path = path.replace("{key}", chance.choice(["x", "pm_card_visa", "..", "cus_"])).replace("{method}", "pm_1")
        body = "".join(chance.choices(parts, k=chance.randint(0, 12)))
        key = chance.choice([keys["secret_key"], keys["publishable_key"], "nobody", ""])
        headers = {
            "Authorization": chance.choice([f"Bearer {key}", f"Basic {key}", key]),
            "Content-Type": chance.choice(["application/x-www-form-urlencoded", "application/json", ""]),
        }
        url = f"{path}?{body}" if method != "POST" else path
        answer = sandbox.handle(Request.build(method, url, headers, body.encode("latin-1")))
        assert answer.status < 500, (method, path, body, answer.body)
        assert answer.json()


def test_a_key_still_at_work_is_a_conflict(sandbox: StripeSandbox) -> None:
    key = sandbox.credentials("acct_harbour")["secret_key"]
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "k"}
    request = Request.build("POST", "/v1/customers", headers, "name=A")
    with sandbox.gate.hold(request):
        answer = sandbox.handle(request)
    assert (answer.status, answer.json()["error"]["code"]) == (409, "idempotency_key_in_use")
    assert answer.headers["Stripe-Should-Retry"] == "true"
    assert sandbox.handle(request).status == 200


def test_two_callers_with_one_key_over_real_http_make_one_charge() -> None:
    fresh = StripeSandbox(Store())
    server = Server(fresh)
    serving = threading.Thread(target=server.run, daemon=True)
    serving.start()
    try:
        url = f"http://127.0.0.1:{server.port}/v1/payment_intents"
        auth = (fresh.credentials("acct_harbour")["secret_key"], "")
        form = {
            "amount": 500,
            "currency": "aud",
            "payment_method": "pm_card_visa",
            "confirm": "true",
            "return_url": "https://pay.test/",
        }
        answers: list[requests.Response] = []

        def call() -> None:
            answers.append(requests.post(url, data=form, auth=auth, headers={"Idempotency-Key": "k"}, timeout=20))

        callers = [threading.Thread(target=call) for _ in range(6)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(30)
        # Whoever comes while the first is at work is told so (docs.stripe.com/api/idempotent_requests), and may retry.
        assert {answer.status_code for answer in answers} <= {200, 409}
        done = [answer.json() for answer in answers if answer.status_code == 200]
        assert len({intent["id"] for intent in done}) == 1
        assert len(list(fresh.books("acct_harbour").rows("charge"))) == 1
    finally:
        server.stop()
        serving.join(5)
        server.server_close()
