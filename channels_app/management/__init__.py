"""The commands of `manage.py`: the same operations from a terminal. Not imported."""
