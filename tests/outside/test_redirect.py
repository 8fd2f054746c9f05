"""What stands between an outside SDK and the world: only the sandboxes are reached."""

from __future__ import annotations


def test_an_sdk_reaches_the_sandbox_under_the_host_it_has_written_into_it(node, sandbox):
    with sandbox("xero", "--company", "empty") as line:
        answer = node(
            "redirected.cjs", {"url": "https://identity.xero.com/nowhere"}, {"identity.xero.com": line["base_url"]}
        )
    assert answer == {"status": 404}


def test_a_host_no_sandbox_stands_for_is_never_asked(node):
    answer = node("redirected.cjs", {"url": "https://api.stripe.com/v1/charges"})
    assert answer == {"refused": "no sandbox stands in for api.stripe.com"}
