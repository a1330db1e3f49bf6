"""2.3: the new table alone. The old columns may be there or not."""

from address_book.people.release_2_2 import ADD, MOVE

__all__ = ["ADD", "FIND", "LIST", "MOVE"]

_ROWS = "SELECT p.id, p.name, a.street, a.city FROM person p JOIN address a ON a.person = p.id"

FIND = f"{_ROWS} WHERE p.id = %(id)s"
LIST = f"{_ROWS} WHERE p.id > %(after)s ORDER BY p.id LIMIT %(limit)s"
