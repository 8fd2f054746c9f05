"""Reading what people write, in forms and in addresses."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django import forms

#: Digits of the largest number taken from an address or a hidden field: every id has room, every database too.
_DIGITS = 15


def whole_number(text: str | None) -> int | None:
    """A number that an address or a hidden field carries; None for anything else, also for ² and for endless digits."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None


class MoneyField(forms.DecimalField):
    """An amount as people type it: "1,450", "£1450" and "1450.00" are the same."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("max_digits", 14)
        settings.setdefault("decimal_places", 2)
        settings.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}))
        super().__init__(**settings)
        self.error_messages["invalid"] = "Enter an amount, like 1,450.00"

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        """The amount, without currency signs, spaces and thousands commas."""
        if isinstance(value, str):
            value = re.sub(r"[\s,$£€]|AUD|NZD|GBP|USD|A\$", "", value.replace("−", "-"))
        return super().to_python(value)
