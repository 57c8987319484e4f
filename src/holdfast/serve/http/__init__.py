"""HTTP: connections, the express lane, sockets and stopping. Nothing here knows a model."""
