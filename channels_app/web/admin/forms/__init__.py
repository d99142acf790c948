"""Forms of one page of the admin each. Imported by the admin alone."""
