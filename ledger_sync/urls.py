"""Staff pages of this package, below ``/<practice>/``."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
