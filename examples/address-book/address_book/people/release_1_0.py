"""1.0: the address is two columns of the person."""

FIND = "SELECT id, name, street, city FROM person WHERE id = %(id)s"
LIST = "SELECT id, name, street, city FROM person WHERE id > %(after)s ORDER BY id LIMIT %(limit)s"
ADD = ("INSERT INTO person (name, street, city) VALUES (%(name)s, %(street)s, %(city)s) RETURNING id",)
MOVE = ("UPDATE person SET street = %(street)s, city = %(city)s WHERE id = %(id)s RETURNING id",)
