"""Staff pages of the ledgers, below ``/<practice>/ledger/``."""

from django.urls import path

from ledger_sync.pages import compared_views, consent_views, views

urlpatterns = [
    path("", views.ledgers, name="ledger"),
    path("connect/<str:provider>/", consent_views.begin, name="ledger_connect"),
    path("<int:connection_id>/", views.desk, name="ledger_desk"),
    path("<int:connection_id>/part/", views.desk_part, name="ledger_desk_part"),
    path("<int:connection_id>/sync/", views.sync_now, name="ledger_sync_now"),
    path("<int:connection_id>/causes/<int:snag_id>/", views.remedy, name="ledger_remedy"),
    path("<int:connection_id>/records/", views.records, name="ledger_records"),
    path("<int:connection_id>/records/<int:link_id>/", views.record, name="ledger_record"),
    path("<int:connection_id>/records/<int:link_id>/again/", views.send_again, name="ledger_send_again"),
    path("<int:connection_id>/mapping/", views.mapping_page, name="ledger_mapping"),
    path("<int:connection_id>/activity/", views.activity, name="ledger_activity"),
    path("<int:connection_id>/compared/", compared_views.compared, name="ledger_compared"),
    path("<int:connection_id>/compared/now/", compared_views.compare_now, name="ledger_compare_now"),
    path("<int:connection_id>/settings/", views.settings_page, name="ledger_settings"),
]
