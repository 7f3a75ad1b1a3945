"""Self-attention over the last choices: trained with JAX (extra `neural`), served with NumPy alone.

network: the forward pass of both; windows: what it is trained on; training: the one file that knows JAX.
"""
