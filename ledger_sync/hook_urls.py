"""Addresses for the ledgers, below ``/hooks/``."""

from django.urls import path

from ledger_sync.pages import consent_views, hooks

urlpatterns = [
    path("xero/", hooks.xero, name="hook_xero"),
    path("quickbooks/", hooks.quickbooks, name="hook_quickbooks"),
    path("<str:provider>/callback/", consent_views.callback, name="consent_callback"),
]
