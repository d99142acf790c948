"""Handover to agents: opening hours, the agents' note, the result. Imported by channels and all above."""
