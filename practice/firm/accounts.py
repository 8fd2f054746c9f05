"""How allauth signs people in here: no open sign-up, secrets of second factors encrypted."""

from __future__ import annotations

from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from allauth.account.forms import LoginForm as DefaultLoginForm
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest

from practice.core.encrypted import decrypt, encrypt


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """People are invited by their practice; nobody signs up alone."""

    error_messages: ClassVar[dict[str, str]] = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": "This email and password do not belong together. Try again, or have a code mailed.",
        "too_many_login_attempts": "Too many tries. Wait some minutes, or have a code mailed to you.",
        "account_inactive": "This account is switched off. Ask an owner of your practice.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Closed."""
        return False


def address_of(request: HttpRequest) -> str:
    """The network address a request comes from, as far as our own proxies vouch for it (``TRUSTED_PROXIES``)."""
    return str(get_adapter().get_client_ip(request))


class LoginForm(DefaultLoginForm):  # type: ignore[misc]
    """Signing in with a password, in our words."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)
        self.fields["login"].error_messages |= {
            "required": "Enter the email your practice knows you by",
            "invalid": "Enter an email like priya@firm.example",
        }
        self.fields["password"].error_messages["required"] = "Enter your password, or have a code mailed to you"
        self.fields["remember"].label = "Stay signed in on this computer"


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second-factor secrets are stored encrypted; allauth's default keeps them readable."""

    def encrypt(self, text: str) -> str:
        """Encrypt with the newest field key."""
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypt with the key the text names."""
        return decrypt(encrypted_text)
