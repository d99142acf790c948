"""What one writes first: a serializer, get_or_create, a task for each event, a lock for each conversation."""
