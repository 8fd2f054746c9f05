"""Addresses of the firm, below ``/<practice>/``."""

from django.urls import path

from practice.firm.views import audit, clients, dashboard, services, settings

urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("bar/", dashboard.bar, name="bar"),
    path("search/", dashboard.search, name="search"),
    path("brand.css", dashboard.brand_css, name="brand"),
    path("clients/", clients.client_list, name="clients"),
    path("clients/new/", clients.client_new, name="client_new"),
    path("clients/groups/", clients.group_list, name="groups"),
    path("clients/groups/new/", clients.group_form, name="group_new"),
    path("clients/groups/<int:pk>/", clients.group_form, name="group"),
    path("clients/<int:pk>/", clients.client_page, name="client"),
    path("clients/<int:pk>/edit/", clients.client_edit, name="client_edit"),
    path("clients/<int:pk>/archive/", clients.client_archive, name="client_archive"),
    path("clients/<int:pk>/people/new/", clients.person_form, name="person_new"),
    path("clients/<int:pk>/people/<int:person_id>/", clients.person_form, name="person"),
    path("clients/<int:pk>/people/<int:person_id>/remove/", clients.person_remove, name="person_remove"),
    path("clients/<int:pk>/addresses/<slug:kind>/", clients.address_form, name="address"),
    path("services/", services.service_list, name="services"),
    path("services/new/", services.service_form, name="service_new"),
    path("services/<int:pk>/", services.service_form, name="service"),
    path("services/<int:pk>/archive/", services.service_archive, name="service_archive"),
    path("settings/", settings.firm, name="settings"),
    path("settings/entities/<int:pk>/", settings.entity, name="entity"),
    path("settings/people/", settings.people_page, name="people"),
    path("settings/people/<int:user_id>/", settings.roles_of, name="roles_of"),
    path("settings/roles/", settings.roles, name="roles"),
    path("settings/tax/", settings.tax, name="tax"),
    path("settings/mail/", settings.mails, name="mails"),
    path("settings/mail/<int:pk>/again/", settings.mail_again, name="mail_again"),
    path("audit/", audit.audit, name="audit"),
    path("audit/verify/", audit.verify, name="audit_verify"),
    path("audit/<str:kind>/<int:pk>/", audit.audit_object, name="audit_object"),
]
