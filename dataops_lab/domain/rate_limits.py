"""A limit on how often something may come: a bucket of tokens for each caller, which fills again with time."""

from __future__ import annotations

from collections import OrderedDict


class RateLimit:
    """`per_s` come again each second, up to `burst`. Only the `most_keys` that came last are remembered."""

    def __init__(self, *, per_s: float, burst: int, most_keys: int = 1000) -> None:
        self._per_s, self._burst, self._most_keys = per_s, burst, most_keys
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now_s: float) -> float:
        """Take a token, and return 0; or take none, and return the seconds until there is one."""
        left, since = self._buckets.pop(key, (float(self._burst), now_s))
        left = min(float(self._burst), left + max(0.0, now_s - since) * self._per_s)
        wait_s = 0.0 if left >= 1 else (1 - left) / self._per_s
        self._buckets[key] = (left if wait_s else left - 1, now_s)
        if len(self._buckets) > self._most_keys:
            self._buckets.popitem(last=False)
        return wait_s
