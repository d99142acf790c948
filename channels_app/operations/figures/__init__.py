"""Counted and measured: what dashboards show. Imported by web, management and upkeep."""
