"""What the API takes and answers, by area. Imported by the views of the API."""
