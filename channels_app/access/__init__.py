"""Permissions and accountability: roles, logins, API tokens, the audit log. Imported by offload and all above."""
