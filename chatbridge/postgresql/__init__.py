"""Django's backend for PostgreSQL, on connections whose waits end."""
