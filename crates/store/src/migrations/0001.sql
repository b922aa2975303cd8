-- The truth: what was handed in, in the order of acceptance. A row is one turn of one run.
-- Rows are appended, so the turns of a commit lie side by side whichever runs they belong to.
CREATE TABLE journal (
    sequence INTEGER PRIMARY KEY,
    run      INTEGER NOT NULL,
    number   INTEGER NOT NULL,            -- counts the turns of the run, from 1
    at       INTEGER NOT NULL,            -- milliseconds since 1970-01-01 UTC
    body     TEXT,                        -- the events, a JSON list; null if they lie beside
    blob     BLOB                         -- the SHA-256 of a body that lies beside as a file
) STRICT;
CREATE UNIQUE INDEX journal_of_run ON journal (run, number);

-- The texts that plans are made from. The same digest has the same texts.
CREATE TABLE plans (
    digest BLOB PRIMARY KEY,
    bundle TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- When somebody last drove the runs of this store.
CREATE TABLE owner (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    seen_at INTEGER NOT NULL
) STRICT;

-- From here on: projections. All of it can be made again from the journal.

CREATE TABLE runs (
    number        INTEGER PRIMARY KEY,    -- what `journal.run` refers to
    id            TEXT NOT NULL UNIQUE,
    schema        INTEGER NOT NULL,       -- the format of the run's events
    pipeline      TEXT NOT NULL,
    plan          BLOB NOT NULL,
    inputs_digest BLOB NOT NULL,
    status        TEXT NOT NULL,
    degraded      INTEGER NOT NULL DEFAULT 0,
    user          TEXT,
    labels        TEXT,                   -- a JSON object
    seed          INTEGER NOT NULL,       -- the same 64 bits, signed
    cost          TEXT NOT NULL DEFAULT '0',  -- dollars, exact
    started_at    INTEGER NOT NULL,
    ended_at      INTEGER,
    ended_turn    INTEGER,                -- the turn that ended it, which holds its outputs
    failed_step   TEXT,
    class         TEXT,
    message       TEXT
) STRICT;
CREATE INDEX runs_unfinished ON runs (inputs_digest) WHERE ended_at IS NULL;

CREATE TABLE steps (
    run          INTEGER NOT NULL,
    path         TEXT NOT NULL,
    status       TEXT NOT NULL,
    tolerated    INTEGER NOT NULL DEFAULT 0,
    items        INTEGER,                 -- how many a fanned-out step has
    attempts     INTEGER NOT NULL DEFAULT 0,
    target       INTEGER,                 -- of the last attempt; 0 is the first
    operation    TEXT,                    -- of the last attempt
    cost         TEXT NOT NULL DEFAULT '0', -- dollars, exact
    started_at   INTEGER,                 -- when all that it waits for was there
    attempted_at INTEGER,                 -- when the last attempt was planned
    wakes_at     INTEGER,                 -- until when it sleeps, while it does
    ended_at     INTEGER,
    ended_turn   INTEGER,                 -- the turn that ended it, which holds its output
    class        TEXT,
    message      TEXT,
    PRIMARY KEY (run, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE artifacts (
    digest   BLOB PRIMARY KEY,
    kind     TEXT NOT NULL,
    mime     TEXT NOT NULL,
    bytes    INTEGER NOT NULL,
    measures TEXT NOT NULL                -- the whole artifact as JSON, as the journal has it
) STRICT, WITHOUT ROWID;

-- Who refers to the bytes: the same bytes may have two histories.
CREATE TABLE artifact_refs (
    run      INTEGER NOT NULL,
    step     TEXT NOT NULL,               -- empty for the run itself
    output   TEXT NOT NULL,
    position INTEGER NOT NULL,            -- counts the artifacts of one output, from 0
    digest   BLOB NOT NULL,
    PRIMARY KEY (run, step, output, position)
) STRICT, WITHOUT ROWID;
