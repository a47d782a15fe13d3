"""What the office takes in: the front's journal and closed days, and the banks' files."""
