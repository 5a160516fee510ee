"""Coin Metrics API v4, as its own clients read it.

Source: the vendor's OpenAPI document and "API Conventions" (docs.coinmetrics.io/api/v4), and what the
official client `coinmetrics-api-client` sends and accepts.
"""

from __future__ import annotations

DEFAULT_PROFILE = "coinmetrics"
ASSET = "btc"
COMMON = ("api_key", "profile", "pretty", "format")
"""Parameters that every endpoint of this family takes."""
