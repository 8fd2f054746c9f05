"""The kit every sandbox is made of: requests, stored state, faults, webhooks and two ways to be reached.

A sandbox is a plain object with one method, ``handle(Request) -> Response``. It is reached over loopback HTTP
(:mod:`practice.core.sandbox.server`) or without a socket inside a test process (:mod:`practice.core.network`).
"""
