"""Methods that are more than a search or a sampler: each a package or a module of its own."""
