"""Pure functions: (what was seen, policy, now) → a frozen decision with its reasons.

Nothing here knows a client, a clock, the environment or Argo; `now` is always an argument.
"""
