"""How allauth signs people in here: no open sign-up, secrets of second factors encrypted."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest

from practice.core.encrypted import decrypt, encrypt


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """People are invited by their practice; nobody signs up alone."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Closed."""
        return False


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second-factor secrets are stored encrypted; allauth's default keeps them readable."""

    def encrypt(self, text: str) -> str:
        """Encrypt with the newest field key."""
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypt with the key the text names."""
        return decrypt(encrypted_text)
