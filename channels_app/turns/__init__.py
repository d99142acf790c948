"""What is next in a conversation, and doing it. Imported by the tasks, and by the code that repairs them."""
