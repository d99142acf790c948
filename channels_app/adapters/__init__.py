"""Other people's APIs in our words; never a row. Imported by models and all above."""
