"""Python's search for garbage, for processes that serve for days."""

import gc

MAX_YOUNG = 10_000
"""New objects between two searches among them. Python's 700 are there several times in each message; its garbage in
cycles is little, because nothing on a message's way keeps any."""


def search_less() -> None:
    """Once everything is loaded: what is there now stays, and is not searched again. A search stops all threads."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(MAX_YOUNG, *gc.get_threshold()[1:])
