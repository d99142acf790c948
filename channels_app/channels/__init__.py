"""A channel's settings: its forms, configuration files, key rotations; the live channel that turns use. Imported by
conversations and all above."""
