"""Bytes to rows, answers to bytes: pure, without sockets, workers or clocks."""
