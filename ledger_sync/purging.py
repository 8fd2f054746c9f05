"""What was sent and received is removed after a while: it holds clients' personal data, and PDFs as text.

What stays of each call is its key, its outcome, the ledger's words and a fingerprint of what was sent, so that the
story of a record still tells every attempt. Open calls and notices nobody has worked are never touched.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from ledger_sync.models import Call, CallItem, Delivery
from practice.core import clock, wake
from practice.core.rows import update_each

#: Calls in one transaction, and in one go of the minute's sweep.
TOGETHER, AT_MOST = 10, 500
#: The hour of the day it is done in, UTC.
HOUR = 3


def purge_daily() -> int:
    """Remove what is old enough, in its hour of the day. Returns how many calls and notices were emptied."""
    return purge() if clock.hour("UTC") == HOUR else 0


def purge() -> int:
    """Empty calls closed, and notices worked, before as many days as are kept; forget what the queue remembers."""
    now = clock.now()
    before = now - timedelta(days=settings.KEEP_SENT_DAYS)
    emptied = 0
    while emptied < AT_MOST and (done := _empty_some_calls(before, now)):
        emptied += done
    old = Delivery.objects.filter(worked_at__lt=before).exclude(body=b"").order_by("pk").values("pk")[:AT_MOST]
    emptied += Delivery.objects.filter(pk__in=list(old.values_list("pk", flat=True))).update(body=b"")
    wake.forget(before)
    return emptied


@transaction.atomic
def _empty_some_calls(before: datetime, now: datetime) -> int:
    rows = Call.objects.select_for_update().filter(closed_at__lt=before, emptied_at__isnull=True)
    calls = list(rows.order_by("closed_at")[:TOGETHER])
    items = CallItem.objects.filter(call__in=calls).order_by("pk").values_list("pk", "ours")
    update_each(CallItem, ("ours",), ((pk, (_emptied(ours, now),)) for pk, ours in items))
    digests = ((call.pk, (_digest(call.body),)) for call in calls)
    update_each(Call, ("body_digest",), digests, same={"body": "", "emptied_at": now})
    return len(calls)


def _emptied(ours: dict[str, Any], now: datetime) -> dict[str, Any]:
    """What stays of a sent document: what was done, by whose doing, and its fingerprint."""
    text = json.dumps(ours.get("doc"), sort_keys=True, ensure_ascii=False)
    return {**ours, "doc": {}, "digest": _digest(text), "removed_on": now.date().isoformat()}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
