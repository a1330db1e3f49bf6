-- Contract, for 2.3: nobody reads or writes the old columns any more.
DO $$
BEGIN
    IF EXISTS (SELECT FROM person p WHERE NOT EXISTS (SELECT FROM address a WHERE a.person = p.id)) THEN
        RAISE EXCEPTION 'not every person has an address in the new table: the backfill has to end first';
    END IF;
END $$;
DROP TRIGGER mirrored ON address;
DROP TRIGGER mirrored ON person;
DROP FUNCTION mirror_address();
DROP FUNCTION mirror_person();
ALTER TABLE person DROP COLUMN street, DROP COLUMN city;
