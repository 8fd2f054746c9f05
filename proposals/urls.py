"""Staff pages of proposals, below ``/<practice>/proposals/``."""

from django.urls import path

from proposals import editor_views as editor
from proposals import views

_ONE = "<int:proposal_id>/"
urlpatterns = [
    path("", views.proposal_list, name="proposals"),
    path("new/", views.new, name="proposal_new"),
    path(_ONE, views.detail, name="proposal"),
    path(_ONE + "send/", views.send, name="proposal_send"),
    path(_ONE + "act/", views.act, name="proposal_act"),
    path(_ONE + "review/", views.ask_review, name="proposal_review"),
    path(_ONE + "preview/<int:option_id>/", editor.preview, name="proposal_preview"),
    path(_ONE + "edit/", editor.services, name="proposal_edit"),
    path(_ONE + "edit/lines/", editor.add_line, name="proposal_add_line"),
    path(_ONE + "edit/lines/<int:line_id>/", editor.change_line, name="proposal_line"),
    path(_ONE + "edit/options/", editor.set_option, name="proposal_option"),
    path(_ONE + "edit/deposit/", editor.set_deposit, name="proposal_deposit"),
    path(_ONE + "edit/<slug:tab>/", editor.tab, name="proposal_edit_tab"),
]
