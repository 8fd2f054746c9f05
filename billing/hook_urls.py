"""Where Stripe sends its notices: one address per account."""

from django.urls import path

from billing.views import hooks

urlpatterns = [path("<int:pk>/", hooks.stripe_notice, name="stripe_notice")]
