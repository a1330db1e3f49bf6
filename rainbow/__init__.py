"""Rainbow: releases that nobody notices.

The model, the pure decisions, the adapters to the world and the command line that all steps stand on.
"""

__version__ = "0.1.0"
