-- Expand, for 2.1: the new table. What is written into the old columns is mirrored into it, by whichever release: 1.0
-- goes on writing while 2.1 takes over, and again after a rollback.
CREATE TABLE address (
    person bigint PRIMARY KEY REFERENCES person ON DELETE CASCADE,
    street text NOT NULL,
    city text NOT NULL
);
CREATE FUNCTION mirror_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO address AS a (person, street, city) VALUES (NEW.id, NEW.street, NEW.city)
    ON CONFLICT (person) DO UPDATE SET street = excluded.street, city = excluded.city
    WHERE (a.street, a.city) IS DISTINCT FROM (excluded.street, excluded.city);
    RETURN NULL;
END $$;
CREATE TRIGGER mirrored AFTER INSERT OR UPDATE OF street, city ON person
    FOR EACH ROW WHEN (NEW.street IS NOT NULL) EXECUTE FUNCTION mirror_person();
UPDATE schema_state SET backfilled = false, moved = 0;
