"""The schema of the address book: `state`, `to N`, `backfill`, for the container that rainbow.yaml names.

The state is a row of the database, written in the transaction of the change itself: a change is whole, or it is not.
"""
