"""What runs in which order: Hera definitions, rendered to YAML, and what they need in the app's namespace.

Imports the names, parameters and rights of the steps, nothing else of them.
"""
