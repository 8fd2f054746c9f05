"""The merge keeps its laws whatever both sides say: nothing is lost silently, and no side is favoured by accident."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger_sync.applying.merge import Merged, Owner, Side, flatten, merge

NAMES = ("name", "email", "phone", "address.city")
text = st.sampled_from(["", "a", "b", "c"])
flat = st.dictionaries(st.sampled_from(NAMES), text)
sides = st.builds(Side, base=flat, now=flat)
owners = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(list(Owner)))
fair_owners = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([Owner.APP, Owner.LEDGER, Owner.BOTH]))
SWAPPED = {Owner.APP: Owner.LEDGER, Owner.LEDGER: Owner.APP, Owner.BOTH: Owner.BOTH}


def conflicts(result: Merged) -> set[str]:
    return {conflict.name for conflict in result.conflicts}


@given(sides, sides, owners)
def test_every_owned_field_ends_as_ours_or_theirs_and_no_other_field_is_touched(
    ours: Side, theirs: Side, owned: dict[str, Owner]
) -> None:
    result = merge(ours, theirs, owned)
    assert set(result.values) == set(owned)
    for name, value in result.values.items():
        assert value in (ours.now.get(name, ""), theirs.now.get(name, ""))


@given(sides, sides, owners)
def test_a_value_that_loses_to_another_change_is_kept_in_the_result(
    ours: Side, theirs: Side, owned: dict[str, Owner]
) -> None:
    result = merge(ours, theirs, owned)
    for name, owner in owned.items():
        mine, yours = ours.now.get(name, ""), theirs.now.get(name, "")
        if owner is Owner.PUSH_ONLY or mine == yours or not (ours.changed(name) and theirs.changed(name)):
            continue
        if name in conflicts(result):
            conflict = next(c for c in result.conflicts if c.name == name)
            assert (conflict.ours, conflict.theirs) == (mine, yours)
        else:
            assert {result.values[name], result.lost[name]} == {mine, yours}


@given(sides, sides, owners)
def test_only_a_field_that_nobody_owns_and_both_changed_is_a_conflict(
    ours: Side, theirs: Side, owned: dict[str, Owner]
) -> None:
    for name in conflicts(merge(ours, theirs, owned)):
        assert owned[name] is Owner.BOTH
        assert ours.changed(name)
        assert theirs.changed(name)
        assert ours.now.get(name, "") != theirs.now.get(name, "")


@given(sides, sides, owners)
def test_the_same_question_has_the_same_answer(ours: Side, theirs: Side, owned: dict[str, Owner]) -> None:
    first, again = merge(ours, theirs, owned), merge(ours, theirs, dict(reversed(owned.items())))
    assert first == merge(ours, theirs, owned)
    assert (first.values, first.to_ours, first.to_theirs, first.lost) == (
        again.values, again.to_ours, again.to_theirs, again.lost,
    )  # fmt: skip
    assert sorted(first.conflicts, key=str) == sorted(again.conflicts, key=str)


@given(sides, sides, owners)
def test_applied_once_there_is_nothing_left_to_apply(ours: Side, theirs: Side, owned: dict[str, Owner]) -> None:
    first = merge(ours, theirs, owned)
    ours_now, theirs_now = {**ours.now, **first.to_ours}, {**theirs.now, **first.to_theirs}
    second = merge(Side(ours_now, ours_now), Side(theirs_now, theirs_now), owned)
    assert (second.to_ours, second.to_theirs, second.lost, second.conflicts) == ({}, {}, {}, ())


@given(sides, sides, fair_owners)
def test_swapping_the_sides_and_their_owners_swaps_only_the_labels(
    ours: Side, theirs: Side, owned: dict[str, Owner]
) -> None:
    there = merge(ours, theirs, owned)
    back = merge(theirs, ours, {name: SWAPPED[owner] for name, owner in owned.items()})
    assert (there.to_ours, there.to_theirs) == (back.to_theirs, back.to_ours)
    assert there.lost == back.lost
    assert [(c.name, c.ours, c.theirs) for c in there.conflicts] == [(c.name, c.theirs, c.ours) for c in back.conflicts]


@given(sides, sides)
def test_a_masked_field_is_pushed_and_never_pulled(ours: Side, theirs: Side) -> None:
    result = merge(ours, theirs, {"name": Owner.PUSH_ONLY})
    assert result.to_ours == {}
    assert result.values["name"] == ours.now.get("name", "")


def test_a_document_becomes_text_by_dotted_name_without_its_lists() -> None:
    doc = {"name": "Tern", "address": {"city": "Perth", "geo": {"lat": 1}}, "lines": [1, 2]}
    assert flatten(doc) == {"name": "Tern", "address.city": "Perth", "address.geo.lat": "1"}
