"""The platforms' doors: verify, store, wake a worker, answer. Imported by URLs alone."""
