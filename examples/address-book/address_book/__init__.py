"""An address book in four releases: the address of a person moves from two columns into a table of its own.

Each release works with the schema before its own change and after it, and beside the release before and the one after.
"""
