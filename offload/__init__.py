"""Handing over to people: open or closed, the agents' note, what became of it. Imported by channels and all above."""
