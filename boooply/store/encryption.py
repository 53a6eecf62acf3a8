"""What makes a stored key unreadable without the encryption key, and tells whether it was altered."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Final, Self

import attrs
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from boooply.errors import ConfigurationError, CorruptKeyError, StoreError
from boooply.secret import Secret, as_secrets

KEY_VARIABLE: Final = "BOOOPLY_STORE_KEY"

_NEW_KEY: Final = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
_CHECK: Final = b"boooply"


@attrs.frozen(eq=False, repr=False)
class Encryption:
    """Seal and open with the encryption keys; the organization's id stands inside what is sealed, and is checked."""

    _keys: tuple[Secret, ...]  # made a cipher for each use: a cipher shows its key to whoever looks into it

    @classmethod
    def of(cls, keys: tuple[Secret, ...] | str, /) -> Self:
        """Make one of encryption keys, the newest first.

        Raises:
            ConfigurationError: There is none, one is not a Fernet key, or ``keys`` names a type that is not text.
        """
        if isinstance(keys, str):
            raise ConfigurationError(f"encryption_key must be text, a Secret, or a list of them, not {keys}")
        if not keys:
            raise ConfigurationError(
                f"the store needs an encryption key: pass encryption_key or set {KEY_VARIABLE}; "
                f"`boooply store new-key` makes one, and so does: {_NEW_KEY}"
            )
        if not all(_is_fernet_key(one) for one in keys):
            raise ConfigurationError(
                f"{KEY_VARIABLE} or encryption_key is not a Fernet key, 32 bytes in URL-safe base64: "
                "`boooply store new-key` makes one"
            )
        return cls(keys)

    def close(self, name: str, value: Secret, /) -> bytes:
        """Seal a value under a name: a key under the id of its organization."""
        return self.close_all({name: value})[name]

    def close_all(self, values: Mapping[str, Secret], /) -> dict[str, bytes]:
        """Seal several values, each under its name."""
        cipher = self._cipher()
        return {name: cipher.encrypt(json.dumps([name, value.reveal()]).encode()) for name, value in values.items()}

    def open(self, organization_id: str, sealed: bytes, /) -> Secret:
        """Open what was sealed for an organization.

        Raises:
            CorruptKeyError: It was cut or altered, or sealed for another organization or with another encryption key.
        """
        secret = self.opened(organization_id, sealed)
        if secret is None:
            raise CorruptKeyError(organization_id)
        return secret

    def renew(self, organization_id: str, sealed: bytes, /) -> bytes:
        """Seal anew with the newest encryption key."""
        return self.close(organization_id, self.open(organization_id, sealed))

    def make_check(self) -> bytes:
        """Make the text that tells, when the store is opened, whether the encryption key is the right one."""
        return self._cipher().encrypt(_CHECK)

    def check(self, sealed: bytes, /) -> None:
        """Refuse a store that was sealed with another encryption key.

        Raises:
            StoreError: It was.
        """
        try:
            if self._cipher().decrypt(sealed) == _CHECK:
                return
        except InvalidToken:
            pass
        raise StoreError(f"the store was sealed with another encryption key: {KEY_VARIABLE} has to hold that one too")

    def _cipher(self) -> MultiFernet:
        return MultiFernet([Fernet(one.reveal()) for one in self._keys])

    def opened(self, name: str, sealed: bytes, /) -> Secret | None:
        """Open what was sealed under a name, or None where it was cut, altered, or sealed otherwise."""
        try:
            owner, value = json.loads(self._cipher().decrypt(sealed))
        except (InvalidToken, ValueError, TypeError):
            return None
        return Secret(value) if owner == name else None


def hidden(given: str | Secret | Iterable[str | Secret] | None, /) -> tuple[Secret, ...] | str:
    """Wrap the encryption keys that a caller hands in, or those in ``BOOOPLY_STORE_KEY``, commas between."""
    return as_secrets(given, os.environ.get(KEY_VARIABLE))


def _is_fernet_key(secret: Secret) -> bool:
    try:
        Fernet(secret.reveal())
    except ValueError:
        return False
    return True
