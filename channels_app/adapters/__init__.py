"""Third-party APIs translated into our terms; never a row. Imported by models and all above."""
