"""From a node's blocks to published tables: sources, extraction, lake, warehouse, commands."""
