"""What operators see and do: set-up checks, search, explanations, figures, failures, retries, transcripts. Imported
by web, management and upkeep."""
