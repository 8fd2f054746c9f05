"""What clients open by link, without an account."""

from django.urls import path

from billing.views import client

urlpatterns = [
    path("i/<str:token>/", client.invoice, name="pay_invoice"),
    path("i/<str:token>/done/", client.invoice_done, name="pay_invoice_done"),
    path("i/<str:token>/pdf/", client.invoice_pdf, name="pay_invoice_pdf"),
    path("card/<str:token>/", client.method, name="give_method"),
    path("card/<str:token>/done/", client.method_done, name="give_method_done"),
]
