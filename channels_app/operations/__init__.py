"""What operators see and do, on any page, API or command. Imported by web, management and upkeep."""
