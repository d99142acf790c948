"""An inbox and bots that speak the real contracts over real HTTP, for demos, tests and benchmarks.

Nothing here imports the bridge, and the bridge imports nothing from here: all that passes between them is HTTP.
"""
