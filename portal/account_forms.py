"""Forms of signing in (K-9)."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import LoginForm
from django import forms
from django.core.validators import MaxLengthValidator

MAX_LOGIN = 254
"""Characters: nobody's name or address is longer, and SQLite cannot look for a very long one."""


class SignInForm(LoginForm):
    """Signing in with a name or an address that somebody could have."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login: forms.Field = self.fields["login"]
        login.validators.append(MaxLengthValidator(MAX_LOGIN))
