"""Who works in a practice and in which roles."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from practice.core import events
from practice.firm import mail
from practice.firm.models import Membership, Practice, User
from practice.firm.refusals import Refused

Role = Membership.Role


class PeopleRefused(Refused):
    """The roles were not changed, and why."""


@transaction.atomic
def add_member(*, practice: Practice, email: str, name: str, roles: Iterable[str], invite: bool = True) -> User:
    """Give somebody their first roles, making their user if there is none, and owe them an invitation by mail.

    They sign in with a code sent to their email; no password is made. Raises PeopleRefused without a role.
    """
    wanted = sorted(set(roles))
    if not wanted:
        raise PeopleRefused("Choose at least one role", "roles")
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        user = User.objects.create_user(email, name=" ".join(name.split()))
    if Membership.objects.filter(practice=practice, user=user).exists():
        raise PeopleRefused(f"{user.email} is already here; change the roles instead", "email")
    for role in wanted:
        _grant(practice, user, role)
    if invite:
        mail.owe_mail(practice=practice, kind="firm.invited", to_email=user.email, to_name=user.name, facts={})
    return user


@transaction.atomic
def grant_role(*, practice: Practice, user: User, role: str) -> Membership:
    """Give a user one role more. Records ``firm.member.changed``."""
    return _grant(practice, user, role)


@transaction.atomic
def revoke_role(*, practice: Practice, user: User, role: str) -> None:
    """Take one role away. Records ``firm.member.changed``. Raises PeopleRefused rather than leave no owner."""
    Practice.objects.select_for_update().get(pk=practice.pk)
    owners = Membership.objects.filter(practice=practice, role=Role.OWNER, user__is_active=True)
    if role == Role.OWNER and not owners.exclude(user=user).exists():
        raise PeopleRefused("A practice needs an owner: make somebody else an owner first", "roles")
    membership = Membership.objects.filter(practice=practice, user=user, role=role).first()
    if membership is not None:
        events.record("firm.member.changed", membership, granted=False)
        membership.delete()


@transaction.atomic
def set_roles(*, practice: Practice, user: User, roles: Iterable[str]) -> None:
    """Give a user exactly these roles; none takes them out of the practice. Raises PeopleRefused."""
    wanted = set(roles)
    held = set(Membership.objects.filter(practice=practice, user=user).values_list("role", flat=True))
    for role in sorted(wanted - held):
        grant_role(practice=practice, user=user, role=role)
    for role in sorted(held - wanted):
        revoke_role(practice=practice, user=user, role=role)


@transaction.atomic
def update_me(*, user_id: int, name: str, keys_on: bool) -> User:
    """Change what a person may change about themselves."""
    user = User.objects.select_for_update().get(pk=user_id)
    user.name, user.keys_on = " ".join(name.split()), keys_on
    user.save(update_fields=["name", "keys_on"])
    return user


def _grant(practice: Practice, user: User, role: str) -> Membership:
    membership, made = Membership.objects.get_or_create(practice=practice, user=user, role=Role(role))
    if made:
        events.record("firm.member.changed", membership, granted=True)
    return membership
