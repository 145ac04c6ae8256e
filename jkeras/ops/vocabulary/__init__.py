"""The functions of `keras.ops`: a table of those that equal functions of JAX, and all others.

`table` lists the functions of JAX by signature; the other files have one family each, of functions
that JAX lacks or that differ from JAX; `build` makes the public functions of both.
"""
