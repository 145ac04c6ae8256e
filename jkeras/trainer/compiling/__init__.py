"""The arguments of `compile`, resolved, and the programs made of them."""
