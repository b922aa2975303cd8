-- From here on the events of a run are of format 2: a fan-out holds its list as one value.

-- Whose store this is: who made it, or adopted it last. Nobody else drives it without saying so.
CREATE TABLE maker (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    user    INTEGER NOT NULL,             -- the number of the user
    machine BLOB                          -- a SHA-256 over the machine's id; null where it has none
) STRICT;
