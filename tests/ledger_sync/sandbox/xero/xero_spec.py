"""Xero's published descriptions, where this machine has them."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

SPECS = Path(os.environ.get("SPECS") or Path(__file__).resolve().parents[5] / "shared" / "specs")
SPEC = SPECS / "xero_accounting.yaml"
WEBHOOKS = SPECS / "xero-webhooks.yaml"
needs_specs = pytest.mark.skipif(
    not SPEC.exists(), reason=f"NOT RUN: no {SPEC.name}; set SPECS= to the folder with the specifications"
)


@cache
def raw_description(path: Path) -> Any:
    """One description without its examples, some of which are invalid."""
    with path.open(encoding="utf-8") as file:
        return _lean(yaml.load(file, yaml.CSafeLoader))


def _lean(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _lean(value) for key, value in node.items() if key not in ("example", "examples")}
    return [_lean(item) for item in node] if isinstance(node, list) else node
