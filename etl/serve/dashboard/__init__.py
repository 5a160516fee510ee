"""The dashboard: static pages, and what they ask for beside the vendors' endpoints."""

from __future__ import annotations

DEFAULT_PROFILE = "entity"
COMMON = ("api_key", "profile")
"""Parameters that every endpoint of the dashboard takes."""
