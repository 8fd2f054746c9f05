"""The firm's forms: they validate and tidy; the actions save."""

from __future__ import annotations

import re
from typing import Any

from babel import Locale
from django import forms

from practice.core.fields import MoneyField
from practice.core.money import to_cents
from practice.firm import tax_numbers
from practice.firm.models import Address, Client, Entity, Group, Membership, Person, Practice, Service, TaxRate, User
from practice.firm.permissions import NEEDS_SECOND_FACTOR
from practice.firm.refusals import Refused

#: Codes of the locale data that are no country with a postal address: unions, pseudo-locales, parts of other countries.
_NO_COUNTRY = frozenset("AC AN AQ BV CP CQ CS DG EA EU EZ HM IC QO SU TA TF UM UN XA XB YU ZZ".split())


def countries() -> list[tuple[str, str]]:
    """Every country by name, for a select."""
    names = Locale("en").territories.items()
    found = ((code, name) for code, name in names if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRY)
    return sorted(found, key=lambda pair: pair[1])


class Refusable(forms.BaseForm):
    """A form in sections, to whose errors an action may add its refusal."""

    #: Sections of the form: a title, and rows of one or two fields. Without it all fields are one section.
    LAYOUT: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = ()

    def sections(self) -> list[tuple[str, list[list[forms.BoundField]]]]:
        """The bound fields by section and row."""
        layout = self.LAYOUT or (("", tuple((name,) for name in self.fields)),)
        return [(title, [[self[name] for name in row] for row in rows]) for title, rows in layout]

    def refuse(self, refused: Refused) -> None:
        """Show an action's refusal beside its field, or above the form."""
        self.add_error(refused.field if refused.field in self.fields else None, refused.words)


class Form(Refusable, forms.Form):
    """A plain form."""


class ModelForm(Refusable, forms.ModelForm):  # type: ignore[type-arg]
    """A form that reads a row; the action saves it, so uniqueness is the action's to refuse."""

    def validate_unique(self) -> None:
        """Left to the action."""

    def validate_constraints(self) -> None:
        """Left to the action and the database."""

    def facts(self) -> Any:
        """What the form says, for an action."""
        return dict(self.cleaned_data)


class ClientForm(ModelForm):
    """A client."""

    LAYOUT = (
        ("Who it is", (("name",), ("kind",), ("country", "company_number"), ("group", "partner"))),
        ("How we reach them", (("billing_email", "phone"),)),
        (
            "How we bill them",
            (("currency", "payment_days"), ("tax_number", "tax_treatment"), ("tax_exempt_reason",)),
        ),
    )

    country = forms.ChoiceField(choices=countries, widget=forms.Select(attrs={"autocomplete": "country"}))
    currency = forms.ChoiceField()

    class Meta:
        model = Client
        fields = [
            "name", "kind", "group", "partner", "billing_email", "phone", "country", "company_number", "tax_number",
            "tax_treatment", "tax_exempt_reason", "currency", "payment_days",
        ]  # fmt: skip
        labels = {
            "kind": "This is",
            "partner": "Partner in charge",
            "billing_email": "Email for invoices",
            "company_number": "Company number",
            "tax_treatment": "Tax on what we bill",
            "tax_exempt_reason": "Why exempt",
            "payment_days": "Days to pay",
        }
        help_texts = {"tax_exempt_reason": "Only when exempt; printed on the invoice."}
        error_messages = {
            "name": {"required": "Enter the client's name"},
            "billing_email": {"invalid": "Enter an email like accounts@larkspur.example"},
            "payment_days": {"required": "Enter how many days the client has to pay"},
        }
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "organization"}),
            "kind": forms.RadioSelect,
            "phone": forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
        }

    def __init__(self, *args: Any, practice: Practice, **settings: Any) -> None:
        super().__init__(*args, **settings)
        entities = list(practice.entities.order_by("pk"))
        first = entities[0] if entities else None
        self.fields["group"].queryset = Group.objects.filter(practice=practice).order_by("name")  # type: ignore[attr-defined]
        self.fields["partner"].queryset = User.objects.filter(  # type: ignore[attr-defined]
            memberships__practice=practice, memberships__role__in=[Membership.Role.PARTNER, Membership.Role.OWNER]
        ).distinct()
        self.fields["group"].empty_label = "No group"  # type: ignore[attr-defined]
        self.fields["partner"].empty_label = "Nobody yet"  # type: ignore[attr-defined]
        self.fields["currency"].choices = sorted({(e.currency, e.currency) for e in entities})  # type: ignore[attr-defined]
        country = self.instance.country or (first.country if first else "")
        self.fields["tax_number"].label = tax_numbers.name_of(country)
        if first and not self.instance.pk:
            self.initial.update(country=first.country, currency=first.currency, payment_days=first.payment_days)


class PersonForm(ModelForm):
    """Somebody at a client."""

    LAYOUT = (("", (("name",), ("email", "phone"), ("role",), ("signs",), ("receives_bills",))),)

    class Meta:
        model = Person
        fields = ["name", "email", "phone", "role", "signs", "receives_bills"]
        labels = {"signs": "Signs for the client", "receives_bills": "Gets invoices and receipts", "role": "Role there"}
        help_texts = {"role": "Director, bookkeeper, partner"}
        error_messages = {
            "name": {"required": "Enter the person's name"},
            "email": {"required": "Enter the person's email", "invalid": "Enter an email like amelie@larkspur.example"},
        }
        widgets = {"phone": forms.TextInput(attrs={"type": "tel"})}


class AddressForm(ModelForm):
    """A client's address."""

    LAYOUT = (("", (("line1",), ("line2",), ("city", "postcode"), ("region", "country"))),)

    country = forms.ChoiceField(choices=countries)

    class Meta:
        model = Address
        fields = ["line1", "line2", "city", "region", "postcode", "country"]
        labels = {"line1": "First line", "line2": "Second line", "city": "Town or city", "region": "State or region"}
        error_messages = {"line1": {"required": "Enter the first line of the address"}}


class GroupForm(ModelForm):
    """A group of clients."""

    class Meta:
        model = Group
        fields = ["name"]
        error_messages = {"name": {"required": "Enter a name for the group"}}


class ServiceForm(ModelForm):
    """A service of the catalogue."""

    LAYOUT = (
        ("What the client reads", (("name",), ("description",))),
        ("What it costs", (("price", "currency"), ("cadence", "treatment"), ("unit_name", "code"))),
    )

    price = MoneyField(max_digits=16, decimal_places=4, label="Price", help_text="For one, without tax")
    currency = forms.ChoiceField()

    class Meta:
        model = Service
        fields = ["name", "description", "price", "currency", "unit_name", "cadence", "treatment", "code"]
        labels = {
            "description": "In one plain line",
            "unit_name": "Counted in",
            "cadence": "Billed",
            "treatment": "Tax",
        }
        help_texts = {
            "unit_name": "Person, return, hour; or nothing.",
            "description": "The client reads it under the name.",
            "code": "The item code in the ledger.",
        }
        error_messages = {"name": {"required": "Enter a name for the service"}}

    def __init__(self, *args: Any, practice: Practice, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.fields["code"].required = False
        self.fields["price"].error_messages["required"] = "Enter a price, without tax"
        currencies = list(practice.entities.order_by("pk").values_list("currency", flat=True))
        self.fields["currency"].choices = [(c, c) for c in dict.fromkeys(currencies)]  # type: ignore[attr-defined]
        if self.instance.pk and self.instance.price == to_cents(self.instance.price):
            self.initial["price"] = f"{self.instance.price:.2f}"


class PracticeForm(ModelForm):
    """How the practice is known to its clients."""

    LAYOUT = (("How clients know you", (("name",), ("initials", "brand_colour"), ("phone", "email"))),)

    class Meta:
        model = Practice
        fields = ["name", "initials", "brand_colour", "phone", "email"]
        labels = {"initials": "Letters on the seal", "brand_colour": "Colour", "email": "Email clients answer to"}
        help_texts = {
            "initials": "Two or three.",
            "brand_colour": "Like #0B5B4C; made readable if need be.",
            "phone": "On every page a client gets.",
            "email": "On every page, too.",
        }

    def clean_brand_colour(self) -> str:
        """Six hexadecimal digits after a hash, or nothing."""
        colour: str = self.cleaned_data["brand_colour"].strip()
        if colour and not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
            raise forms.ValidationError("Write the colour as # and six digits, like #0B5B4C")
        return colour


class EntityForm(ModelForm):
    """A legal entity; its country and currency stay as they were made."""

    LAYOUT = (
        ("Who bills", (("name",), ("tax_number",), ("address",))),
        ("How it bills", (("invoice_prefix", "payment_days"), ("billing_hour", "tax_basis"), ("deposit_kind",))),
    )

    class Meta:
        model = Entity
        fields = [
            "name", "tax_number", "tax_basis", "deposit_kind", "invoice_prefix", "payment_days", "billing_hour",
            "address",
        ]  # fmt: skip
        labels = {
            "name": "Legal name",
            "tax_basis": "Tax is accounted for on",
            "deposit_kind": "A deposit is",
            "payment_days": "Days to pay",
            "billing_hour": "Hour of the daily billing run",
            "address": "Address on invoices",
        }
        help_texts = {"invoice_prefix": "Before each invoice number"}
        widgets = {"address": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.fields["tax_number"].label = tax_numbers.name_of(self.instance.country)


class TaxRateForm(ModelForm):
    """A new rate from a day on."""

    class Meta:
        model = TaxRate
        fields = ["treatment", "rate", "valid_from"]
        labels = {"rate": "Rate, in per cent", "valid_from": "From"}
        widgets = {
            "valid_from": forms.DateInput(attrs={"type": "date"}),
            "rate": forms.TextInput(attrs={"inputmode": "decimal"}),
        }


class RolesForm(Form):
    """Which roles somebody has."""

    roles = forms.MultipleChoiceField(
        choices=[
            (role.value, f"{role.label} (needs a second factor)" if role in NEEDS_SECOND_FACTOR else role.label)
            for role in Membership.Role
        ],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )


class MemberForm(RolesForm):
    """Somebody new."""

    name = forms.CharField(max_length=150, error_messages={"required": "Enter the person's name"})
    email = forms.EmailField(
        error_messages={
            "required": "Enter the email they sign in with",
            "invalid": "Enter an email like priya@firm.example",
        }
    )
    field_order = ["name", "email", "roles"]

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.fields["roles"].required = True
        self.fields["roles"].error_messages["required"] = "Choose at least one role"


class MailForm(Form):
    """Where a mail goes."""

    email = forms.EmailField(error_messages={"invalid": "Enter an email like accounts@larkspur.example"})


class MeForm(ModelForm):
    """What is mine."""

    class Meta:
        model = User
        fields = ["name", "keys_on"]
        labels = {"name": "Your name", "keys_on": "Single keys work on pages"}
        help_texts = {"keys_on": "/ searches, g then c opens the clients, ? lists them all."}
        error_messages = {"name": {"required": "Enter your name"}}
