"""Who may reach what. Imports none of the other packages: the policy is handed in as plain values."""
