"""What people see and order, whatever page or command shows it. Imported by web, management and upkeep."""
