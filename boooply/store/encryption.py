"""The encryption of keys and event bodies, which also shows whether they were altered."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Final, Self

import attrs
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from boooply.errors import ConfigurationError, CorruptKeyError, StoreError
from boooply.protocol.settings import mistake_in
from boooply.secret import Secret, as_secrets, type_if_not_text

KEY_VARIABLE: Final = "BOOOPLY_STORE_KEY"

_NEW_KEY: Final = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
_CHECK: Final = b"boooply"


@attrs.frozen(eq=False, repr=False)
class Encryption:
    """Encryption with one or several keys; the organization's id is part of what is encrypted, and is checked."""

    _keys: tuple[Secret, ...]  # and not a cipher, which shows its key to whoever looks into it

    @classmethod
    def of(cls, keys: tuple[Secret, ...], /) -> Self:
        """Return the encryption with these keys, the newest first.

        Raises:
            ConfigurationError: There is none, or one is not a Fernet key.
        """
        if not keys:
            raise ConfigurationError(
                f"the store needs an encryption key: pass encryption_key or set {KEY_VARIABLE}; "
                f"`boooply store new-key` makes one, and so does: {_NEW_KEY}"
            )
        problem = next(filter(None, map(_problem, keys)), None)
        if problem is not None:
            raise ConfigurationError(f"{KEY_VARIABLE} or encryption_key {problem}")
        return cls(keys)

    def encrypt(self, name: str, value: Secret, /) -> bytes:
        """Encrypt a value under a name: a key under the id of its organization."""
        return self._cipher().encrypt(json.dumps([name, value.reveal()]).encode())

    def decrypt(self, organization_id: str, encrypted: bytes, /) -> Secret:
        """Decrypt an organization's key.

        Raises:
            CorruptKeyError: It was cut or altered, or encrypted for another organization or with another key.
        """
        secret = self.decrypt_or_none(organization_id, encrypted)
        if secret is None:
            raise CorruptKeyError(organization_id)
        return secret

    def decrypt_or_none(self, name: str, encrypted: bytes, /) -> Secret | None:
        """Decrypt a value; return None if it was cut or altered, or encrypted under another name or key."""
        try:
            owner, value = json.loads(self._cipher().decrypt(encrypted))
        except (InvalidToken, ValueError, TypeError):
            return None
        return Secret(value) if owner == name else None

    def make_check(self) -> bytes:
        """Encrypt the text that shows, when the store is opened, whether the encryption key is the right one."""
        return self._cipher().encrypt(_CHECK)

    def check(self, encrypted: bytes, /) -> None:
        """Check that a store was encrypted with one of these keys.

        Raises:
            StoreError: It was encrypted with another one.
        """
        try:
            if self._cipher().decrypt(encrypted) == _CHECK:
                return
        except InvalidToken:
            pass
        raise StoreError(f"the store was encrypted with another encryption key: {KEY_VARIABLE} must contain it too")

    def _cipher(self) -> MultiFernet:
        return MultiFernet([Fernet(one.reveal()) for one in self._keys])


def hidden(given: str | Secret | Iterable[str | Secret] | None, /) -> tuple[Secret, ...]:
    """Return the given encryption keys, or those in ``BOOOPLY_STORE_KEY``, separated by commas."""
    return as_secrets(given, os.environ.get(KEY_VARIABLE))


def _problem(secret: Secret) -> str | None:
    wrong_type = type_if_not_text(secret)
    if wrong_type is not None:
        return f"must be text, a Secret, or a list of them, not {wrong_type}"
    try:
        Fernet(secret.reveal())
    except ValueError:
        what = "is not a Fernet key, 32 bytes in URL-safe base64: `boooply store new-key` makes one"
        return mistake_in(secret.reveal()) or what
    return None
