"""Every address of the site, in one place."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from practice.site import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.front_door, name="front_door"),
    path("healthz", views.healthz, name="healthz"),
    path("accounts/", include("allauth.urls")),
    path("me/", include("practice.firm.me_urls")),
    path("c/", include("proposals.client_urls")),
    path("", include("billing.client_urls")),
    path("hooks/stripe/", include("billing.hook_urls")),
    path("hooks/", include("ledger_sync.hook_urls")),
    path("<slug:practice>/proposals/", include("proposals.urls")),
    path("<slug:practice>/", include("billing.urls")),
    path("<slug:practice>/ledger/", include("ledger_sync.urls")),
    path("<slug:practice>/", include("practice.firm.urls")),
]
if settings.DEMO:
    urlpatterns.insert(1, path("demo/", include("practice.site.demo_urls")))

handler403 = "practice.site.views.forbidden"
handler404 = "practice.site.views.not_found"
handler500 = "practice.site.views.broken"
