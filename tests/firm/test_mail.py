"""Mail: written with its cause, rendered once, sent after the commit, tried again, set aside, never holding a token."""

import smtplib
from datetime import timedelta

import pytest
from django.core import mail as outbox
from django.db import connection

from practice.core import clock, events, owed, tokens
from practice.core.models import Switch
from practice.firm import mail, tasks
from practice.firm.models import Mail


@pytest.fixture
def invitation(firm):
    return mail.owe_mail(
        practice=firm, kind="firm.invited", to_email="amelie@larkspur.example", to_name="Amélie Larkspur", facts={}
    )


@pytest.fixture
def broken_post(monkeypatch):
    """A post office that raises what it is given."""

    def breaks(error):
        def send(self, fail_silently=False):
            raise error

        monkeypatch.setattr("django.core.mail.EmailMessage.send", send)

    return breaks


def test_a_mail_is_owed_and_the_worker_woken_after_the_commit(firm, bell, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        owed_mail = mail.owe_mail(practice=firm, kind="firm.invited", to_email="a@b.example", to_name="A", facts={})
        assert bell.rung == []
    assert bell.rung == [("practice.firm.tasks.send_mail", {"mail_id": owed_mail.pk})]
    assert owed_mail.owes
    assert outbox.outbox == []


def test_it_is_rendered_sent_and_settled(invitation):
    tasks.send_mail(mail_id=invitation.pk)
    (message,) = outbox.outbox
    assert message.subject == "Harbour & Vale: you can sign in now"
    assert message.to == ["=?utf-8?q?Am=C3=A9lie_Larkspur?= <amelie@larkspur.example>"]
    assert message.from_email.startswith("Harbour & Vale <")
    assert message.extra_headers["Message-ID"] == f"<mail-{invitation.pk}-1@localhost>"
    html = message.alternatives[0][0]
    for part in (message.body, html):
        assert "/accounts/login/code/" in part
        assert "If you do nothing, nothing happens." in part
    invitation.refresh_from_db()
    assert (invitation.owes, invitation.claimed_until, invitation.sent_at is not None) == (False, None, True)


def test_it_is_sent_once(invitation):
    assert mail.deliver(invitation.pk)
    assert not mail.deliver(invitation.pk)
    assert len(outbox.outbox) == 1


def test_links_are_minted_while_rendering_and_only_their_digests_rest(invitation, monkeypatch):
    minted = []

    def mint_link(row, *, context):
        assert connection.in_atomic_block
        token, digest = tokens.mint()
        minted.append((token, digest))
        context["link"] = f"https://firm.example/c/{token}/"

    monkeypatch.setitem(events._recorders, "firm.mail.rendering", [mint_link])
    mail.deliver(invitation.pk)
    ((token, digest),) = minted
    assert token in outbox.outbox[0].body
    row = repr(Mail.objects.values().get())
    assert token not in row
    assert digest not in row


def test_a_post_office_that_is_down_is_tried_again_later(invitation, broken_post, monkeypatch):
    monkeypatch.setattr(owed.chance, "uniform", lambda low, high: high)
    broken_post(smtplib.SMTPServerDisconnected("gone"))
    now = clock.now()
    with clock.at(now):
        assert not mail.deliver(invitation.pk)
    invitation.refresh_from_db()
    assert (invitation.tries, invitation.claimed_until, invitation.is_parked) == (1, None, False)
    assert invitation.ready_at == now + timedelta(seconds=4)
    assert invitation.failure == "SMTPServerDisconnected: gone"
    monkeypatch.undo()
    with clock.at(now + timedelta(seconds=5)):
        assert tasks.sweep_mail() == 1
    invitation.refresh_from_db()
    assert (invitation.owes, invitation.failure) == (False, "")


def test_after_the_last_try_it_is_set_aside(invitation, broken_post):
    broken_post(OSError("no route"))
    Mail.objects.update(tries=owed.MAX_TRIES - 1)
    mail.deliver(invitation.pk)
    invitation.refresh_from_db()
    assert (invitation.parked_code, invitation.ready_at, invitation.owes) == ("mail_undelivered", None, True)
    assert tasks.sweep_mail() == 0


def test_a_refused_address_is_set_aside_at_once_and_sent_again_when_corrected(invitation, broken_post, monkeypatch):
    broken_post(smtplib.SMTPRecipientsRefused({"amelie@larkspur.example": (550, b"no such user")}))
    mail.deliver(invitation.pk)
    invitation.refresh_from_db()
    assert (invitation.parked_code, invitation.tries) == ("mail_refused", 1)
    monkeypatch.undo()
    mail.send_again(mail_id=invitation.pk, to_email="new@larkspur.example")
    assert tasks.sweep_mail() == 1
    assert outbox.outbox[0].to == ["=?utf-8?q?Am=C3=A9lie_Larkspur?= <new@larkspur.example>"]


def test_a_mail_that_cannot_be_rendered_is_set_aside(firm):
    lost = mail.owe_mail(practice=firm, kind="firm.no_such_template", to_email="a@b.example", to_name="", facts={})
    assert not mail.deliver(lost.pk)
    lost.refresh_from_db()
    assert lost.parked_code == "mail_unrenderable"
    assert outbox.outbox == []


def test_a_worker_that_died_leaves_it_to_another_once_its_claim_ran_out(invitation):
    now = clock.now()
    assert owed.claim(Mail.objects.filter(pk=invitation.pk), seconds=mail.CLAIM_SECONDS)
    with clock.at(now + timedelta(seconds=60)):
        assert not mail.deliver(invitation.pk)
    with clock.at(now + timedelta(seconds=180)):
        assert mail.deliver(invitation.pk)


def test_the_switch_stops_mail_and_loses_none(invitation):
    Switch.objects.create(sending=False, at=clock.now())
    assert tasks.sweep_mail() == 0
    Switch.objects.update(sending=True)
    assert tasks.sweep_mail() == 1


def test_a_name_of_two_lines_makes_no_header_of_its_own(firm):
    name = "Amélie\r\nBcc: everybody@x.example"
    owed_mail = mail.owe_mail(
        practice=firm, kind="firm.invited", to_email="a@b.example", to_name=name, from_name="James\nVale", facts={}
    )
    tasks.send_mail(mail_id=owed_mail.pk)
    (message,) = outbox.outbox
    assert message.message()["Bcc"] is None
    assert message.from_email.startswith("James Vale <")
    assert message.recipients() == message.to


@pytest.mark.parametrize("email", ["a@b.example\nBcc: x@y.example", "é@b.example"])
def test_a_mail_that_no_header_can_say_is_set_aside_and_the_others_go_on(firm, invitation, email):
    bad = mail.owe_mail(practice=firm, kind="firm.invited", to_email=email, to_name="A", urgency=-1, facts={})
    assert tasks.sweep_mail() == 1
    bad.refresh_from_db()
    assert (bad.parked_code, bad.claimed_until) == ("mail_unrenderable", None)
