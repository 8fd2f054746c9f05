"""Addresses for clients and vendors, without an account."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
