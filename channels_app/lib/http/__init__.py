"""Calls to other people's servers: where they may go, what they may cost, what is kept of them."""
