"""Token authentication: `Authorization: Token …`, hashed at rest."""

from knox.auth import TokenAuthentication as KnoxTokenAuthentication


class TokenAuthentication(KnoxTokenAuthentication):
    """Knox's scheme under one importable name, so that settings and schema agree on it."""
