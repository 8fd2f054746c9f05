"""The key that Xero's identity service signs its tokens with, and the tokens: RS256, as its clients check them."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from typing import cast

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ledger_sync.sandbox.xero.wire import Row
from practice.core.sandbox.store import Store


@cache
def _fresh() -> str:
    """A new key for every process that needs one; a store that is kept keeps its own."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@cache
def _read(pem: str) -> rsa.RSAPrivateKey:
    return cast("rsa.RSAPrivateKey", serialization.load_pem_private_key(pem.encode(), None))


class Signer:
    """Signs with the store's key; tokens stay good over a restart."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def _key(self) -> rsa.RSAPrivateKey:
        row = self.store.get("_app", "signing")
        if row is None:
            with self.store.transaction():
                row = self.store.put("_app", "signing", {"pem": _fresh()})
        return _read(row["pem"])

    def jwt(self, claims: Row, kind: str) -> str:
        """A signed token with these claims; ``kind`` is its ``typ``."""
        header = {"alg": "RS256", "kid": self.public()["kid"], "typ": kind}
        parts = [b64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims)]
        signature = self._key().sign(".".join(parts).encode(), padding.PKCS1v15(), hashes.SHA256())
        return ".".join([*parts, b64(signature)])

    def public(self) -> Row:
        """The public half as a JSON Web Key (RFC 7517); the key's name is a digest of it."""
        numbers = self._key().public_key().public_numbers()
        modulus = b64(numbers.n.to_bytes(256, "big"))
        name = hashlib.sha256(modulus.encode()).hexdigest()[:40].upper()
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": name, "e": "AQAB", "n": modulus}


def b64(data: bytes) -> str:
    """Base64 for addresses, without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def half_digest(text: str) -> str:
    """What an id token says of its access token (OpenID Connect Core 3.1.3.6): ``at_hash``."""
    return b64(hashlib.sha256(text.encode()).digest()[:16])
