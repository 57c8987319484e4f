"""What is told of a request once it was answered: logs and traces."""
