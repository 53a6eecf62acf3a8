"""The encryption of keys and event bodies, which also detects whether they were altered."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable
from typing import Final, Self

import attrs
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from boooply.errors import ConfigurationError, CorruptKeyError, StoreError
from boooply.protocol.settings import mistake_in
from boooply.secret import Secret, as_secrets, type_if_not_text

KEY_VARIABLE: Final = "BOOOPLY_STORE_KEY"

_NEW_KEY: Final = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
_DIGEST_KEY: Final = "the store's digest key"
_DIGITS: Final = 32
_ID_DIGITS: Final = 16
_OTHER_KEY: Final = (
    f"the store was encrypted with another encryption key. Add that key to {KEY_VARIABLE}, after a comma "
    "(Python: encryption_key)."
)


@attrs.frozen(eq=False, repr=False)
class Encryption:
    """Encryption with one or several keys. The organization's id is encrypted with the value, and checked later.

    The first key encrypts. Digests use a separate key, which the store contains in encrypted form. So digests survive a
    rotation, and the database alone reveals nothing.
    """

    _keys: tuple[Secret, ...]  # not a cipher, which would show its key in a frame's locals
    _digest_key: Secret = attrs.field(factory=lambda: Secret(secrets.token_hex()))

    @classmethod
    def of(cls, keys: tuple[Secret, ...], /) -> Self:
        """Return the encryption with these keys, the newest first.

        Raises:
            ConfigurationError: There is no key, or one is not a Fernet key.
        """
        if not keys:
            raise ConfigurationError(
                f"the store needs its encryption key. Set {KEY_VARIABLE} (Python: encryption_key). "
                f"For a new store, create a key with `boooply store new-key`, or with {_NEW_KEY}"
            )
        problem = next(filter(None, map(_problem, keys)), None)
        if problem is not None:
            raise ConfigurationError(f"{KEY_VARIABLE} or encryption_key {problem}")
        return cls(keys)

    def encrypt(self, name: str, value: Secret, /) -> bytes:
        """Encrypt a value under a name: a key under the id of its organization."""
        return self._cipher().encrypt(json.dumps([name, value.reveal()]).encode())

    def decrypt(self, organization_id: str, encrypted: bytes, /) -> Secret:
        """Decrypt an organization key.

        Raises:
            CorruptKeyError: The value was altered, or encrypted for another organization or with another key.
        """
        secret = self.decrypt_or_none(organization_id, encrypted)
        if secret is None:
            raise CorruptKeyError(organization_id)
        return secret

    def decrypt_or_none(self, name: str, encrypted: bytes, /) -> Secret | None:
        """Decrypt a value. Return None if it was altered, or encrypted under another name or with another key."""
        try:
            owner, value = json.loads(self._cipher().decrypt(encrypted))
        except (InvalidToken, ValueError, TypeError):
            return None
        return Secret(value) if owner == name else None

    @property
    def key_id(self) -> str:
        """The id of the first key, which reveals nothing about the key."""
        return _id_of(self._keys[0])

    def with_first(self, key_id: str, /) -> Self:
        """Return the encryption that encrypts with the key of this id.

        Raises:
            StoreError: The key is not among the encryption keys.
        """
        chosen = [one for one in self._keys if _id_of(one) == key_id]
        if not chosen:
            raise StoreError(_OTHER_KEY, is_permanent=True)
        return attrs.evolve(self, keys=(*chosen, *(one for one in self._keys if one not in chosen)))

    def encrypt_digest_key(self) -> bytes:
        """Encrypt the key of the digests."""
        return self.encrypt(_DIGEST_KEY, self._digest_key)

    def with_digest_key(self, encrypted: bytes, /) -> Self:
        """Return the encryption with a store's digest key.

        Raises:
            StoreError: The store was encrypted with another key.
        """
        digest_key = self.decrypt_or_none(_DIGEST_KEY, encrypted)
        if digest_key is None:
            raise StoreError(_OTHER_KEY, is_permanent=True)
        return attrs.evolve(self, digest_key=digest_key)

    def digest(self, value: Secret, /) -> str:
        """Return the digest of a key, which identifies the key and reveals nothing about it."""
        digest = hmac.new(
            self._digest_key.reveal().encode(), value.reveal().encode("utf-8", "surrogatepass"), hashlib.sha256
        )
        return digest.hexdigest()[:_DIGITS]

    def _cipher(self) -> MultiFernet:
        return MultiFernet([Fernet(one.reveal()) for one in self._keys])


def hidden(given: str | Secret | Iterable[str | Secret] | None, /) -> tuple[Secret, ...]:
    """Return the given encryption keys, or the comma-separated keys in ``BOOOPLY_STORE_KEY``."""
    return as_secrets(given, os.environ.get(KEY_VARIABLE))


def _id_of(encryption_key: Secret) -> str:
    return hashlib.sha256(b"boooply:" + encryption_key.reveal().encode()).hexdigest()[:_ID_DIGITS]


def _problem(secret: Secret) -> str | None:
    wrong_type = type_if_not_text(secret)
    if wrong_type is not None:
        return f"must be text, a Secret, or a list of them, not {wrong_type}"
    try:
        Fernet(secret.reveal())
    except ValueError:
        problem = "is not a Fernet key (32 bytes in URL-safe base64). `boooply store new-key` creates one."
        return mistake_in(secret.reveal()) or problem
    return None
