"""Tax numbers: written in one way, and refused when their check digits do not fit."""

import pytest

from practice.firm.tax_numbers import normalise


@pytest.mark.parametrize(
    ("country", "typed", "written"),
    [
        ("AU", " 51824753556 ", "51 824 753 556"),
        ("NZ", "49091850", "49-091-850"),
        ("GB", "GB980780684", "GB 980 7806 84"),
        ("GB", "980 7806 84", "GB 980 7806 84"),
        ("US", "911144442", "91-1144442"),
        ("DE", " DE 1234 ", "DE 1234"),
        ("AU", "", ""),
    ],
)
def test_written_in_one_way(country, typed, written):
    assert normalise(typed, country) == written


@pytest.mark.parametrize(
    ("country", "typed", "name"),
    [
        ("AU", "51 824 753 557", "ABN"),
        ("NZ", "49-091-851", "IRD or GST number"),
        ("GB", "980780685", "VAT number"),
        ("US", "07-1144442", "EIN"),
    ],
)
def test_a_wrong_digit_is_named_in_plain_words(country, typed, name):
    with pytest.raises(ValueError, match=f"Check this {name}: a digit is wrong or missing"):
        normalise(typed, country)
