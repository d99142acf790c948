"""Everything over HTTP: the platforms' doors, the admin, the operator pages, the API. Imported by nobody but URLs."""
