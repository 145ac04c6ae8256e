"""What a layer is: the contract, naming, trees, keys and error messages. Imports nothing of
ours.
"""
