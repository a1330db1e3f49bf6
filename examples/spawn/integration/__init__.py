"""spawn's integration tests: what must be true of a release before users get it (S6).

Plain Python without dependencies, so that the test image is the base image and these few files.
"""
