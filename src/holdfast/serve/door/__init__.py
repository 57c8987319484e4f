"""Who is let in: keys, the names that a server is called by, other origins."""
