"""The search for modes, and the audit of what it ends in."""
