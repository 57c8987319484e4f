"""What the tools cost on the user's own project and machine."""
