-- From here on the events of a run are of format 2: a fan-out holds its list as one value.

-- Whose store this is: who made it, or adopted it last. Nobody else drives it without saying so.
CREATE TABLE maker (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    user    INTEGER NOT NULL,             -- the number of the user
    machine BLOB                          -- a SHA-256 over the machine's id; null where it has none
) STRICT;

-- The SHA-256 of every long value that the body refers to, one after the other, 32 bytes each: texts,
-- lists and objects that lie beside as files. Null where there is none, and up to format 2.
ALTER TABLE journal ADD COLUMN long_values BLOB;

-- Who refers to the long values. Made from the journal.
CREATE TABLE long_value_refs (
    run    INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (run, digest)
) STRICT, WITHOUT ROWID;

-- How often the write-ahead log was moved into this file. The mark beside tells by it an older copy of
-- the file from this one, so nothing else is in this table, and it is written at no other time.
CREATE TABLE checkpoints (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    count INTEGER NOT NULL
) STRICT;
INSERT INTO checkpoints VALUES (1, 0);
