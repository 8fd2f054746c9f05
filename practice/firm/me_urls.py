"""Addresses of what belongs to the person, below ``/me/``."""

from django.urls import path

from practice.firm.views import me

urlpatterns = [path("", me.me, name="me")]
