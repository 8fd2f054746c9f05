"""A site that takes real money does not start with what everybody can read, or with the demo's open door."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from practice.site import settings

SOUND = {
    "PRODUCTION": "1", "SECRET_KEY": "s" * 60, "SITE_URL": "https://countersign.example", "EMAIL_URL": "smtp://x:25",
    "DATABASE_URL": "postgres://a@b/c", "FIELD_KEYS": "a:" + "A" * 43 + "=", "XERO_CLIENT_ID": "a",
    "XERO_CLIENT_SECRET": "b", "XERO_WEBHOOK_KEY": "c", "QBO_CLIENT_ID": "d", "QBO_CLIENT_SECRET": "e",
    "QBO_VERIFIER": "f",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, ""),
        ({"XERO_WEBHOOK_KEY": ""}, "needs XERO_WEBHOOK_KEY"),
        ({"XERO_WEBHOOK_KEY": "xero-development-webhook-key"}, "XERO_WEBHOOK_KEY is the development value"),
        ({"FIELD_KEYS": f"prod:{settings._DEVELOPMENT_KEY.partition(':')[2]}"}, "'prod' is the development key"),
        ({"DEMO": "1"}, "cannot be combined with PRODUCTION"),
        ({"XERO_BASE": "http://127.0.0.1:1"}, "sandbox addresses are set"),
    ],
)
def test_production_starts_with_secrets_of_its_own_only(changed: dict[str, str], words: str) -> None:
    environment = {"PATH": os.environ.get("PATH", ""), **SOUND, **changed}
    command = [sys.executable, "-c", "import practice.site.settings"]
    answer = subprocess.run(
        command, env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
    )
    assert (answer.returncode == 0) is (words == ""), answer.stderr
    assert words in answer.stderr
