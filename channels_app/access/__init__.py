"""Who may, and who did: roles, permissions, log-ins, API tokens, the audit log. Imported by offload and all above."""
