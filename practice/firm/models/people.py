"""Users and what they may do where."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower

from practice.core.audit import Audited
from practice.firm.models.practices import Practice


class UserManager(BaseUserManager["User"]):
    """Makes users; emails are kept in lower case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A person who can sign in. Raises ValueError without an email."""
        if not email:
            raise ValueError("a user needs an email")
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """An operator of this installation."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        """Find by email, whatever its case."""
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who signs in; known by email, in any number of practices."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=150)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    keys_on = models.BooleanField(default=True, help_text="Single-key shortcuts on pages")

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_once")]

    def __str__(self) -> str:
        return self.name or self.email


class Membership(Audited):
    """One role of one user in one practice; a person with two roles has two rows."""

    NOUN = "role"
    CALLED_AFTER = "user"

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        PARTNER = "partner", "Partner"
        PREPARER = "preparer", "Preparer"
        BILLING = "billing", "Billing"
        SYNC_ADMIN = "sync_admin", "Sync admin"
        AUDITOR = "auditor", "Auditor"

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="memberships")
    user = models.ForeignKey(User, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["practice", "user", "role"], name="membership_role_once")]

    def __str__(self) -> str:
        return f"{self.user} as {self.get_role_display()}"
