"""CryptoQuant API v1, as its own and other clients read it.

Source: the vendor's guide (docs.cryptoquant.com, userguide.cryptoquant.com), its package
`cryptoquant-mcp` and the package `cryptoquant` on PyPI. Field names are those in the catalogue of metrics.
"""

from __future__ import annotations

DEFAULT_PROFILE = "entity"
COMMON = ("api_key", "profile", "source")
"""Parameters that every endpoint of this family takes; `source` says which program asks."""
