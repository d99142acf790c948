"""Everything over HTTP: webhooks, the admin, the operator pages, the API. Imported only by the URL configuration."""
