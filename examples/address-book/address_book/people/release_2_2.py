"""2.2: the new table is the truth, and the database mirrors back what is written there.

Rows that nobody has moved yet are read where they are. Whoever writes an address locks its person first: so do the
releases before, whose statements begin there, and the backfill.
"""

_COLUMNS = "SELECT p.id, p.name, coalesce(a.street, p.street) AS street, coalesce(a.city, p.city) AS city"
_TABLES = "FROM person p LEFT JOIN address a ON a.person = p.id"
_WRITE = """
    INSERT INTO address (person, street, city) VALUES (%(id)s, %(street)s, %(city)s)
    ON CONFLICT (person) DO UPDATE SET street = excluded.street, city = excluded.city
"""

FIND = f"{_COLUMNS} {_TABLES} WHERE p.id = %(id)s"
LIST = f"{_COLUMNS} {_TABLES} WHERE p.id > %(after)s ORDER BY p.id LIMIT %(limit)s"
ADD = ("INSERT INTO person (name) VALUES (%(name)s) RETURNING id", _WRITE)
MOVE = ("SELECT id FROM person WHERE id = %(id)s FOR NO KEY UPDATE", _WRITE)
