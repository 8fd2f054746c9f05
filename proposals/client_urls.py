"""Addresses for clients, below ``/c/``: an unguessable link and no account."""

from django.urls import path

from proposals import client_views as views

urlpatterns = [
    path("<str:token>/", views.proposal_page, name="client_proposal"),
    path("<str:token>/sign/", views.sign, name="client_sign"),
    path("<str:token>/pay/", views.pay, name="client_pay"),
    path("<str:token>/done/", views.done, name="client_done"),
    path("<str:token>/agreement/", views.signed_document, name="client_signed_document"),
    path("<str:token>/decline/", views.decline, name="client_decline"),
    path("<str:token>/ask/", views.ask, name="client_ask"),
    path("<str:token>/delegate/", views.hand_on, name="client_hand_on"),
    path("<str:token>/new-link/", views.new_link, name="client_new_link"),
]
