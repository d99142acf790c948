"""The commands of `manage.py`: the same verbs for terminals. Imported by nobody."""
