"""A channel's settings: live channels, keys, care, forms and files. Imported by conversations and all above."""
