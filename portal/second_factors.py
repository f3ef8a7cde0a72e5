"""How second factors are kept: sealed with a key that the database does not hold (K-9)."""

from __future__ import annotations

import base64

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac

SEALED = "sealed:"
"""Begins what is sealed; secrets from before are read as they are."""


class SealedFactors(DefaultMFAAdapter):
    """Seals the secrets of authenticator apps and of recovery codes with `SECRET_KEY`.

    `SECRET_KEY_FALLBACKS` open what older keys sealed. Without the key they are lost, and an operator
    resets the person's second factor.
    """

    def encrypt(self, text: str) -> str:
        """Return a secret as it is stored."""
        return SEALED + _keys().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return a stored secret; raises `InvalidToken` when no key opens it."""
        if not encrypted_text.startswith(SEALED):
            return encrypted_text
        return _keys().decrypt(encrypted_text.removeprefix(SEALED).encode()).decode()


def _keys() -> MultiFernet:
    return MultiFernet(
        [
            Fernet(
                base64.urlsafe_b64encode(
                    salted_hmac(
                        "portal.second_factors", "", secret=key, algorithm="sha256"
                    ).digest()
                )
            )
            for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        ]
    )
