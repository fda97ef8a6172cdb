"""What no answer costs: a number above it is a mistake, and is as if it had not been said."""

MAX_TOKENS = 1_000_000_000
MAX_NANO_AIU = 10**16
"""Ten million credits. No answer costs so much, and sums of such stay within SQL's integers."""
