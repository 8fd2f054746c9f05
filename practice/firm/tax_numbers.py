"""Tax numbers of the countries we work in: checked by their own check digits and written in one way."""

from __future__ import annotations

from types import ModuleType

from stdnum.au import abn
from stdnum.exceptions import ValidationError
from stdnum.gb import vat
from stdnum.nz import ird
from stdnum.us import ein

#: Country → how its number is checked, what it is called, an example.
_KINDS: dict[str, tuple[ModuleType, str, str]] = {
    "AU": (abn, "ABN", "51 824 753 556"),
    "NZ": (ird, "IRD or GST number", "49-091-850"),
    "GB": (vat, "VAT number", "980 7806 84"),
    "US": (ein, "EIN", "91-1144442"),
}


def name_of(country: str) -> str:
    """What a country calls its tax number."""
    return _KINDS[country][1] if country in _KINDS else "tax number"


def normalise(number: str, country: str) -> str:
    """The number as its country writes it; of other countries, the number without surrounding space.

    Raises ValueError, in plain words, when the check digits do not fit.
    """
    text = number.strip()
    if not text or country not in _KINDS:
        return text
    kind, name, example = _KINDS[country]
    try:
        written: str = kind.format(kind.validate(text))
    except ValidationError as error:
        raise ValueError(f"Check this {name}: a digit is wrong or missing. One looks like {example}") from error
    return f"GB {written}" if country == "GB" else written
