"""The whole bridge on one bare machine, for `make run`: databases, processes, a simulated inbox and a demo bot."""
