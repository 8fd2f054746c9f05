"""What Xero's validation messages mean to us. Code branches on these words, never on Xero's."""

from __future__ import annotations

import re

#: Message patterns → our code. Sources: published examples and issues (docs/sandboxes.md lists each text).
_MEANINGS: tuple[tuple[str, str], ...] = (
    (r"has been archived, or|archived account|is not a valid code for this document", "account_archived"),
    (r"period lock date|end of year lock date", "locked"),
    (r"contact name must be unique|already assigned to another contact", "name_taken"),
    (r"must be unique|already exists", "number_taken"),
    (r"contact is archived", "contact_archived"),
    (r"TaxType code .* cannot be used|does not exist or cannot be used", "tax_pair"),
    (r"has been reconciled", "reconciled"),
    (r"exceeds the amount outstanding", "exceeds_due"),
    (r"not of valid status|cannot be edited|cannot be applied", "not_editable"),
)


def code_of(text: str) -> str:
    """Our code for a message of Xero's; "refused" for words we have not met."""
    for pattern, code in _MEANINGS:
        if re.search(pattern, text, re.IGNORECASE):
            return code
    return "refused"
