"""Handover to agents: opening hours, routing rules, the agents' note, the result. Imported by channels and all above."""
