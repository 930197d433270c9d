"""Near-duplicates of mathematics: same numbers, symbols and relations, other words."""

from mathdata.near.stars import Stars, cluster
from mathdata.near.keys import block_keys

__all__ = ["Stars", "block_keys", "cluster"]
