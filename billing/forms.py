"""Billing's forms: they validate; the actions decide and save."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import forms

from billing.models import CreditNote, Refund
from practice.core.fields import MoneyField

DATE = forms.DateInput(attrs={"type": "date"})
#: Two years, in days: a day further away than that is a slip in the year.
_A_WHILE = 731


class Form(forms.Form):
    """A form that can show an action's refusal above its fields."""

    def refuse(self, refusal: Exception) -> None:
        """Say why the action was not done."""
        self.add_error(None, str(refusal))


class DecidedForm(Form):
    """A form that moves money. It carries the figure the person decided on, so that an old page moves none."""

    seen = forms.DecimalField(required=False, widget=forms.HiddenInput)


class ReasonForm(Form):
    """Why something is done; kept in the audit trail."""

    reason = forms.CharField(max_length=200, label="Reason", error_messages={"required": "Say why"})


class CreditForm(DecidedForm):
    """How much comes off an invoice, tax included, and why."""

    amount = MoneyField(label="Amount, tax included")
    reason = forms.ChoiceField(
        label="Because",
        choices=[
            (CreditNote.Reason.PRICE_CUT, "The price is reduced"),
            (CreditNote.Reason.CANCELLED, "The work was cancelled"),
            (CreditNote.Reason.WRITE_OFF, "It will not be paid"),
        ],
        widget=forms.RadioSelect,
    )
    words = forms.CharField(
        max_length=200, label="In words, for the client", error_messages={"required": "Say why, for the client"}
    )

    def __init__(self, *args: Any, most: Decimal, words_of_most: str, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.most, self.words_of_most = most, words_of_most

    def clean_amount(self) -> Decimal:
        """More than nothing, and no more than is open."""
        return _between(self.cleaned_data["amount"], self.most, self.words_of_most)


class RefundForm(DecidedForm):
    """How much goes back, and why."""

    amount = MoneyField(label="Amount")
    why = forms.ChoiceField(label="Because", choices=Refund.Why.choices, widget=forms.RadioSelect)
    invoice = forms.ChoiceField(label="Invoice", required=False)
    words = forms.CharField(
        max_length=200, label="In words, for the client", error_messages={"required": "Say why, for the client"}
    )

    def __init__(
        self, *args: Any, invoices: list[tuple[int, str]], most: Decimal, words_of_most: str, **settings: Any
    ) -> None:
        super().__init__(*args, **settings)
        self.fields["invoice"].choices = invoices  # type: ignore[attr-defined]
        self.most, self.words_of_most = most, words_of_most

    def clean_amount(self) -> Decimal:
        """More than nothing, and no more than was taken."""
        return _between(self.cleaned_data["amount"], self.most, self.words_of_most)

    def clean(self) -> dict[str, Any]:
        """A reduced price and money paid the wrong way belong to an invoice."""
        facts: dict[str, Any] = super().clean() or {}
        if facts.get("why") != Refund.Why.UNAPPLIED and not facts.get("invoice"):
            self.add_error("invoice", "Choose the invoice it was paid on")
        return facts


class UseCreditForm(DecidedForm):
    """How much of a client's credit goes on which open invoice."""

    invoice = forms.ChoiceField(label="Invoice")
    amount = MoneyField(label="Amount")

    def __init__(
        self, *args: Any, invoices: list[tuple[int, str]], most: Decimal, words_of_most: str, **settings: Any
    ) -> None:
        super().__init__(*args, **settings)
        self.fields["invoice"].choices = invoices  # type: ignore[attr-defined]
        self.most, self.words_of_most = most, words_of_most

    def clean_amount(self) -> Decimal:
        """More than nothing, and no more than is free."""
        return _between(self.cleaned_data["amount"], self.most, self.words_of_most)


class HandPaymentForm(DecidedForm):
    """Money that came another way."""

    amount = MoneyField(label="Amount")
    paid_on = forms.DateField(label="Paid on", widget=DATE, error_messages={"required": "Enter the day it was paid"})
    method = forms.ChoiceField(label="How", choices=[("bank", "Bank transfer"), ("cheque", "Cheque"), ("cash", "Cash")])
    reference = forms.CharField(
        max_length=60, label="Reference", help_text="As the bank statement says it.", required=False
    )

    def __init__(self, *args: Any, today: date, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.today = today

    def clean_paid_on(self) -> date:
        """Not tomorrow."""
        paid_on: date = self.cleaned_data["paid_on"]
        if paid_on > self.today:
            raise forms.ValidationError("Money that has not come yet cannot be recorded")
        if paid_on < self.today - timedelta(days=_A_WHILE):
            raise forms.ValidationError("That is more than two years ago: check the year")
        return paid_on

    def clean_amount(self) -> Decimal:
        """More than nothing."""
        amount: Decimal = self.cleaned_data["amount"]
        if amount <= 0:
            raise forms.ValidationError("Enter an amount of more than nothing")
        return amount


class PauseForm(Form):
    """Until when an invoice is not collected and not chased: a promise to pay."""

    until = forms.DateField(label="Until", widget=DATE, error_messages={"required": "Enter the day promised"})
    reason = forms.CharField(max_length=200, label="Why", error_messages={"required": "Say what was promised"})

    def __init__(self, *args: Any, today: date, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.today = today

    def clean_until(self) -> date:
        """A day to come, and not so far away that the invoice is forgotten."""
        until: date = self.cleaned_data["until"]
        if not timedelta(0) < until - self.today <= timedelta(days=_A_WHILE):
            raise forms.ValidationError("Enter a day after today, and less than two years away")
        return until


class EndForm(ReasonForm):
    """The last day of an agreement."""

    on = forms.DateField(label="Last day", widget=DATE, error_messages={"required": "Enter the last day"})
    field_order = ["on", "reason"]

    def __init__(self, *args: Any, today: date, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.initial, self.today = {"on": today, **self.initial}, today

    def clean_on(self) -> date:
        """A day of these years."""
        on: date = self.cleaned_data["on"]
        if abs((on - self.today).days) > _A_WHILE:
            raise forms.ValidationError("That is more than two years away: check the year")
        return on


class StripeForm(Form):
    """The keys of a Stripe account."""

    publishable_key = forms.CharField(max_length=200, label="Publishable key", help_text="Begins with pk_")
    secret_key = forms.CharField(
        max_length=300,
        label="Restricted key",
        help_text="Begins with rk_. Kept encrypted and never shown again.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )


def _between(amount: Decimal, most: Decimal, words: str) -> Decimal:
    if not 0 < amount <= most:
        raise forms.ValidationError(f"Enter an amount of more than nothing and at most {words}")
    return amount
