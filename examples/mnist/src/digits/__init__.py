"""Reads handwritten digits: MNIST, a small network, and drawings of one's own."""
