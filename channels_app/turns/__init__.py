"""What is next in a conversation, and doing it. Imported by the tasks and what repairs them."""
