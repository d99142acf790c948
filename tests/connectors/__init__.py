"""Connectors against programs that others wrote: `make connectors`. Not part of `make test`: it installs them."""
