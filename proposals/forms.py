"""Forms of proposals: they validate and tidy what people type; the actions save."""

from __future__ import annotations

from typing import Any

from django import forms

from practice.core.fields import MoneyField
from practice.firm.models import Client, Entity, Practice, Service
from practice.firm.models.services import Cadence
from proposals.models import Proposal, Terms

_DATE = {"type": "date"}
_NO_DAY = "Enter a day, like 18 December 2026"


class StartForm(forms.Form):
    """Who the proposal is for and what it is called."""

    client = forms.ModelChoiceField(
        Client.objects.none(),
        label="Client",
        empty_label="Choose a client",
        error_messages={
            "required": "Choose the client this is for",
            "invalid_choice": "Choose a client from the list; this one is archived or somebody else's",
        },
    )
    title = forms.CharField(
        max_length=150,
        label="Title, as the client reads it",
        help_text="Accounting 2027, say",
        error_messages={"required": "Enter a title, as the client will read it"},
    )
    entity = forms.ModelChoiceField(
        Entity.objects.none(), label="Billed by", empty_label=None, error_messages={"required": "Choose who bills it"}
    )

    def __init__(self, *args: Any, practice: Practice, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        clients = Client.objects.filter(practice=practice, archived_at__isnull=True).order_by("name")
        self.fields["client"].queryset = clients  # type: ignore[attr-defined]
        entities = practice.entities.order_by("name")
        self.fields["entity"].queryset = entities  # type: ignore[attr-defined]
        self.fields["entity"].initial = entities.first()
        if entities.count() == 1:
            self.fields["entity"].widget = forms.HiddenInput()


class LineForm(forms.Form):
    """One offered service."""

    name = forms.CharField(max_length=100, error_messages={"required": "Enter a name for the service"})
    description = forms.CharField(max_length=300, required=False)
    quantity = MoneyField(
        decimal_places=4,
        max_digits=16,
        min_value=0,
        error_messages={"required": "Enter a quantity", "min_value": "A quantity must be more than nothing"},
    )
    unit_price = MoneyField(
        decimal_places=4,
        max_digits=16,
        min_value=0,
        error_messages={"required": "Enter a price", "min_value": "A price cannot be less than nothing"},
    )
    cadence = forms.ChoiceField(choices=Cadence.choices)


class AddServiceForm(forms.Form):
    """A service of the catalogue to offer."""

    service = forms.ModelChoiceField(
        Service.objects.none(), empty_label="Add a service", widget=forms.Select({"data-key": "a"})
    )

    def __init__(self, *args: Any, practice: Practice, currency: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Service.objects.filter(practice=practice, archived_at__isnull=True).order_by("name")
        self.fields["service"].queryset = rows.filter(currency=currency) if currency else rows  # type: ignore[attr-defined]


class DepositForm(forms.Form):
    """No deposit, an amount, or a percentage of the work billed when finished."""

    deposit = forms.ChoiceField(choices=Proposal.Deposit.choices, widget=forms.RadioSelect, label="Taken on signing")
    deposit_value = MoneyField(required=False, label="How much")
    expected_completion_on = forms.DateField(
        required=False,
        widget=forms.DateInput(_DATE, "%Y-%m-%d"),
        label="Work expected to be finished on",
        error_messages={"invalid": _NO_DAY},
    )

    def clean(self) -> dict[str, Any]:
        """Without a deposit its value is nothing; with one, both its size and the balance's day are needed."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("deposit") == Proposal.Deposit.NONE:
            data["deposit_value"] = 0
            return data
        if not data.get("deposit_value") and "deposit_value" not in self.errors:
            self.add_error("deposit_value", "Enter how much the deposit is, more than nothing")
        if not data.get("expected_completion_on") and "expected_completion_on" not in self.errors:
            self.add_error(
                "expected_completion_on", "Enter the day the work should be finished: the balance is due then"
            )
        return data


class MessageForm(forms.Form):
    """The title and the partner's own words."""

    title = forms.CharField(
        max_length=150,
        label="Title, as the client reads it",
        error_messages={"required": "Enter a title, as the client will read it"},
    )
    message = forms.CharField(
        required=False, widget=forms.Textarea({"rows": 6}), label="Your own words",
        help_text="Two to four sentences. {{signatory.first_name}} and {{client.name}} are filled in.",
    )  # fmt: skip
    note = forms.CharField(
        required=False,
        widget=forms.Textarea({"rows": 3}),
        label="Note for the team",
        help_text="The client never sees it.",
    )


class TermsForm(forms.Form):
    """Which terms the client agrees to."""

    terms_id = forms.TypedChoiceField(
        coerce=int,
        label="Terms",
        empty_value=None,
        error_messages={"required": "Choose the terms the client agrees to"},
    )

    def __init__(self, *args: Any, practice: Practice, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Terms.objects.filter(practice=practice).order_by("name", "-version")
        self.fields["terms_id"].choices = [(t.pk, str(t)) for t in rows]  # type: ignore[attr-defined]


class SigningForm(forms.Form):
    """Who signs, from when it runs, until when it may be signed."""

    signatory_id = forms.TypedChoiceField(
        coerce=int, label="Who signs", error_messages={"required": "Choose who signs for the client"}
    )
    starts_on = forms.DateField(
        widget=forms.DateInput(_DATE, "%Y-%m-%d"),
        label="Starts on",
        error_messages={"required": "Enter the day the work starts", "invalid": _NO_DAY},
    )
    expires_on = forms.DateField(
        widget=forms.DateInput(_DATE, "%Y-%m-%d"),
        label="Last day to sign",
        error_messages={"required": "Enter the last day to sign", "invalid": _NO_DAY},
    )

    def __init__(self, *args: Any, proposal: Proposal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = proposal.client.people.order_by("name")
        choices: list[tuple[object, str]] = [(p.pk, f"{p.name}, {p.email}") for p in people]
        if proposal.signatory_id is None:
            # Without it the browser shows the first person as chosen, and nobody is.
            choices.insert(0, ("", "Choose who signs"))
        self.fields["signatory_id"].choices = choices  # type: ignore[attr-defined]


TABS: dict[str, tuple[str, tuple[str, ...]]] = {
    "message": ("Message", ("title", "message", "note")),
    "terms": ("Terms", ("terms_id",)),
    "signing": ("Signing and payment", ("signatory_id", "starts_on", "expires_on")),
}


def tab_form(tab: str, proposal: Proposal, data: Any = None) -> forms.Form:
    """The form of one tab of the editor, with what the draft says now."""
    initial = {name: getattr(proposal, name) for name in TABS[tab][1]}
    if tab == "message":
        return MessageForm(data, initial=initial)
    if tab == "terms":
        return TermsForm(data, initial=initial, practice=proposal.practice)
    return SigningForm(data, initial=initial, proposal=proposal)
