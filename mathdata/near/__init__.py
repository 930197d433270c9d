"""Near-duplicates of mathematics: same numbers, symbols and relations, other words."""

from mathdata.near.keys import block_keys
from mathdata.near.stars import Stars, cluster

__all__ = ["Stars", "block_keys", "cluster"]
