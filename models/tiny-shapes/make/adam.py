"""Adam, with the gradient no longer than 1."""
import jax
import jax.numpy as jnp


def zeros(p):
    return tuple(jax.tree.map(jnp.zeros_like, p) for _ in range(2))


def update(p, state, gradient, t, rate):
    mean, square = state
    length = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(gradient)))
    shorter = jnp.minimum(1.0, 1 / (length + 1e-9))
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g * shorter, mean, gradient)
    square = jax.tree.map(lambda s, g: 0.98 * s + 0.02 * (g * shorter) ** 2, square, gradient)
    p = jax.tree.map(lambda p, m, s: p - rate * (m / (1 - 0.9 ** t))
                     / (jnp.sqrt(s / (1 - 0.98 ** t)) + 1e-8), p, mean, square)
    return p, (mean, square)
