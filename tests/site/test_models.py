"""Tables keep the layers: no foreign key is a way up."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models


def test_no_package_reaches_up_through_a_foreign_key() -> None:
    def package(model: Any) -> str:
        module = str(model.__module__)
        return ".".join(module.split(".")[:2]) if module.startswith("practice.") else module.split(".", maxsplit=1)[0]

    ours = ("practice", "billing", "proposals", "ledger_sync")
    wrong = [
        f"{model.__name__}.{field.name}"
        for model in apps.get_models()
        if model.__module__.startswith(ours) and not hasattr(model, "history_object")
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey)
        and field.related_model._meta.label != settings.AUTH_USER_MODEL
        and package(field.related_model) != package(model)
        and not field.remote_field.hidden
    ]
    assert wrong == []
