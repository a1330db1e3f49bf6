-- 1.0
CREATE TABLE person (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    street text NOT NULL,
    city text NOT NULL
);
CREATE TABLE schema_state (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    version integer NOT NULL,
    backfilled boolean NOT NULL,
    moved bigint NOT NULL DEFAULT 0
);
INSERT INTO schema_state (version, backfilled) VALUES (1, true);
