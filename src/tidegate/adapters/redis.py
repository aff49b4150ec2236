"""A cache on Redis, which several machines share."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import cast

from pydantic import SecretStr
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from tidegate.adapters.cache import KEY

log = logging.getLogger(__name__)

PATIENCE = 2.0  # seconds: to ask the source again takes little more
PREFIX = "tidegate:cache:"


class RedisCache:
    """`ports.Cache` on a Redis server. One that is down has nothing, and is warned of."""

    def __init__(self, url: SecretStr) -> None:
        """Take `redis://` or `rediss://host:port/database`; nothing is connected yet.

        Raises ValueError, which does not show the address: it holds a password.
        """
        try:
            self._client = Redis.from_url(
                url.get_secret_value(),
                socket_timeout=PATIENCE,
                socket_connect_timeout=PATIENCE,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError:
            raise ValueError("the setting redis_url is no address of a Redis server") from None

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def get(self, key: str) -> bytes | None:
        """See `ports.Cache`."""
        with _forgiven():
            return cast("bytes | None", self._client.get(_name(key)))
        return None

    def put(self, key: str, data: bytes, ttl: timedelta) -> None:
        """See `ports.Cache`."""
        with _forgiven():
            self._client.set(_name(key), data, px=max(1, int(ttl.total_seconds() * 1_000)))


def _name(key: str) -> str:
    if not KEY.match(key):
        raise ValueError(f"{key!r} cannot be a key")
    return PREFIX + key


@contextmanager
def _forgiven() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        # Its kind alone: the text may hold the address.
        log.warning("the cache in Redis does not answer: %s", type(error).__name__)
