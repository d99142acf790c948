"""Channels of an inbox, each with its bot: the bridge without the handover, in packages that import only downwards."""
