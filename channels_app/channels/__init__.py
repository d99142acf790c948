"""A channel as it is set up: live, keys, care, forms and files. Imported by conversations and all above."""
