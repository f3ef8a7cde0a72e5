"""The portal's settings with a replica beside the database."""

from portal.settings import *  # noqa: F403
from portal.settings import DATABASES, MIDDLEWARE, env

DATABASES["replica"] = {
    **DATABASES["default"],
    **env.db_url_config(env.str("DATABASE_REPLICA_URL")),
    "ENGINE": DATABASES["default"]["ENGINE"],
    "OPTIONS": DATABASES["default"]["OPTIONS"],
}
DATABASE_ROUTERS = ["tests.replica.routing.ReplicaRouter"]
MIDDLEWARE = ["tests.replica.routing.ReplicaMiddleware", *MIDDLEWARE]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["testserver"]
