"""2.1: as before; but the database mirrors what is written into the new table, whichever release has written it."""

from address_book.people.release_1_0 import ADD, FIND, LIST, MOVE

__all__ = ["ADD", "FIND", "LIST", "MOVE"]
