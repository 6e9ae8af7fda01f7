"""A template for bayescompare, as an example of how to register one."""
