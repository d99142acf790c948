"""Handover to agents: opening hours, routing rules, note, result. Imported by channels and all above."""
