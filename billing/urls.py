"""Staff pages of billing, below ``/<practice>/``."""

from django.urls import path

from billing.views import agreements, home, invoices, money, settings

urlpatterns = [
    path("billing/", home.home, name="billing"),
    path("billing/runs/<int:pk>/", home.run, name="billing_run"),
    path("billing/charges/<int:pk>/hold/", home.change_charge, {"change": "hold"}, name="charge_hold"),
    path("billing/charges/<int:pk>/skip/", home.change_charge, {"change": "skip"}, name="charge_skip"),
    path("billing/charges/<int:pk>/release/", home.change_charge, {"change": "release"}, name="charge_release"),
    path("billing/work/<int:pk>/finish/", home.finish, name="work_finish"),
    path("billing/invoices/", invoices.invoice_list, name="invoices"),
    path("billing/invoices/<int:pk>/", invoices.invoice_page, name="invoice"),
    path("billing/invoices/<int:pk>/pdf/", invoices.pdf, name="invoice_pdf"),
    path("billing/invoices/<int:pk>/send/", invoices.send_again, name="invoice_send"),
    path("billing/invoices/<int:pk>/credit/", invoices.credit, name="invoice_credit"),
    path("billing/invoices/<int:pk>/void/", invoices.void, name="invoice_void"),
    path("billing/invoices/<int:pk>/pay/", invoices.record_payment, name="invoice_pay"),
    path("billing/invoices/<int:pk>/pause/", home.pause, name="invoice_pause"),
    path("billing/invoices/<int:pk>/release/", invoices.release, name="invoice_release"),
    path("billing/credits/<int:pk>/void/", invoices.void_credit, name="credit_void"),
    path("billing/collections/", home.collections, name="collections"),
    path("billing/payments/<int:pk>/", money.payment, name="payment"),
    path("billing/payments/<int:pk>/refund/", money.refund, name="payment_refund"),
    path("billing/payments/<int:pk>/use/", money.use_credit, name="payment_use"),
    path("billing/disputes/<int:pk>/reopen/", money.reopen, name="dispute_reopen"),
    path("billing/disputes/<int:pk>/concede/", money.concede, name="dispute_concede"),
    path("billing/payouts/<int:pk>/", money.payout, name="payout"),
    path("billing/clearing/", money.clearing_page, name="clearing"),
    path("agreements/<int:pk>/", agreements.agreement, name="agreement"),
    path("agreements/<int:pk>/pause/", agreements.change, {"what": "pause"}, name="agreement_pause"),
    path("agreements/<int:pk>/resume/", agreements.change, {"what": "resume"}, name="agreement_resume"),
    path("agreements/<int:pk>/end/", agreements.change, {"what": "end"}, name="agreement_end"),
    path("clients/<int:client_id>/method/<int:entity_id>/", agreements.ask_for_method, name="ask_for_method"),
    path("settings/payments/", settings.payments, name="payment_settings"),
]
