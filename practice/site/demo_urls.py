"""The demo's own pages, below ``/demo/``; only in a database marked DEMO."""

from django.urls import path

from practice.site import demo_views as views

urlpatterns = [
    path("", views.start, name="demo"),
    path("as/<slug:key>/", views.sign_in, name="demo_sign_in"),
    path("mail/", views.mailbox, name="demo_mail"),
    path("mail/<int:mail_id>/", views.one_mail, name="demo_one_mail"),
    path("break/<slug:what>/", views.break_it, name="demo_break"),
    path("broken/<str:token>/", views.broken, name="demo_broken"),
]
