"""Trouble on a webhook's way: chances and waits, and nothing else."""

from __future__ import annotations

import pytest

from practice.core.sandbox.webhooks import Trouble


@pytest.mark.parametrize(
    "wrong", [{"delay": float("nan")}, {"delay": 1e300}, {"delay": -1}, {"drop": "x"}, {"double": 2}, {"reorder": None}]
)
def test_trouble_that_would_break_later_requests_is_refused(wrong):
    trouble = Trouble()
    for name, value in wrong.items():
        with pytest.raises(ValueError, match=f"{name} is from 0 to"):
            setattr(trouble, name, value)
    with pytest.raises(ValueError, match="is from 0 to"):
        Trouble(**wrong)
    assert trouble == Trouble()
