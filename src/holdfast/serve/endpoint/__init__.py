"""A name under which a model is served: which version answers, what stands beside it, and proof."""
