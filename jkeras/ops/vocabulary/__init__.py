"""The functions of `keras.ops`: a table of those that JAX has, and the few that differ from JAX.

`table` lists what JAX has under each signature; the other files hold one family each, of functions
that JAX lacks or does otherwise; `build` makes the public functions of both.
"""
