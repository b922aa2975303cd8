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

-- The body in fewer bytes (`pack.rs`): instead of `body` wherever that is shorter. Null up to format 2.
ALTER TABLE journal ADD COLUMN packed BLOB;

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

-- A plan is named by what it was made from and with, so that the same texts may have several. `version` names
-- the texts alone, and is what older formats named plans by.
ALTER TABLE plans ADD COLUMN version BLOB;
UPDATE plans SET version = digest;
-- The plan as its runs follow it, whatever becomes of rules and contracts. Older formats kept texts alone: of
-- those it is null until such a run is resumed.
ALTER TABLE plans ADD COLUMN pin TEXT;
ALTER TABLE plans ADD COLUMN "check" INTEGER;  -- the first eight bytes of a SHA-256 over texts and plan

-- The unfinished runs, in their order: what begins and ends in order changes few pages. By the digest of its
-- inputs, each run changed two of its own; who drives the store has them in that order in memory.
DROP INDEX runs_unfinished;
CREATE INDEX runs_unfinished ON runs (number) WHERE ended_at IS NULL;

-- What `show` needs of a large run without reading all of its journal.
-- 0 of runs that were begun before this format: what follows is not known of all their steps.
ALTER TABLE runs ADD COLUMN has_step_turns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE steps ADD COLUMN first_turn INTEGER;      -- in which it was ready
ALTER TABLE steps ADD COLUMN attempted_turn INTEGER;  -- in which the last attempt was planned
-- How the items of a fanned-out step ended, and what they and all inside them cost.
ALTER TABLE steps ADD COLUMN items_completed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE steps ADD COLUMN items_failed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE steps ADD COLUMN items_skipped INTEGER NOT NULL DEFAULT 0;
ALTER TABLE steps ADD COLUMN items_cancelled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE steps ADD COLUMN items_cost TEXT NOT NULL DEFAULT '0';

-- The turns beside the first, the last and that of the last attempt that tell of a step: few steps have any.
CREATE TABLE step_turns (
    run  INTEGER NOT NULL,
    path TEXT NOT NULL,
    turn INTEGER NOT NULL,
    PRIMARY KEY (run, path, turn)
) STRICT, WITHOUT ROWID;

-- The few among many that are worth to be shown. (Those that are not over are few too, but an index of them
-- would cost every step two changes: they are looked for in the range of their list.)
CREATE INDEX steps_failed ON steps (run, ended_at, path) WHERE status = 'failed';

-- What the gate to all that is scarce must know after a restart: tokens that were taken, breakers that are
-- open, money that is reserved or spent. Of each subject only the last entry is kept.
CREATE TABLE gate (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,            -- milliseconds since 1970-01-01 UTC
    subject  TEXT UNIQUE,                 -- what it is about; null for what no later entry makes superfluous
    event    TEXT NOT NULL                -- JSON
) STRICT;

-- The ledger: what attempts cost, may have cost, or have money reserved for. Made from the journal. An attempt that
-- can't cost has no row.
CREATE TABLE charges (
    run        INTEGER NOT NULL,
    path       TEXT NOT NULL,
    attempt    INTEGER NOT NULL,
    operation  TEXT NOT NULL,
    provider   TEXT,
    credential TEXT,                      -- its name
    job        TEXT,                      -- the provider's name for it
    at         INTEGER NOT NULL,          -- when it was planned, in milliseconds since 1970-01-01 UTC
    ended_at   INTEGER,
    estimate   TEXT NOT NULL DEFAULT '0', -- US dollars
    amount     TEXT NOT NULL DEFAULT '0',
    basis      TEXT NOT NULL DEFAULT 'billed',
    failed     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, path, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX charges_jobs ON charges (provider, job) WHERE job IS NOT NULL;

-- The run that a run continues from. Made from the journal.
ALTER TABLE runs ADD COLUMN base TEXT;
CREATE INDEX runs_continued ON runs (base) WHERE base IS NOT NULL;
-- Those that failed are few, and are looked for among many.
CREATE INDEX runs_failed ON runs (number) WHERE status = 'failed';

-- What lies beside is found without the turns around it.
CREATE INDEX journal_blobs ON journal (run, blob) WHERE blob IS NOT NULL;

-- Runs of which nothing is kept but what they cost: `charges` still refers to them. Not made from the journal.
CREATE TABLE deleted_runs (
    number     INTEGER PRIMARY KEY,       -- no other run gets it
    id         TEXT NOT NULL,
    pipeline   TEXT NOT NULL,
    user       TEXT,
    status     TEXT NOT NULL,
    deleted_at INTEGER NOT NULL,          -- milliseconds since 1970-01-01 UTC
    turns      INTEGER NOT NULL DEFAULT 0, -- how many of its rows in the journal were removed so far
    is_swept   INTEGER NOT NULL DEFAULT 0  -- 1 once all its rows were, in whichever table
) STRICT;
CREATE INDEX deleted_runs_unswept ON deleted_runs (number) WHERE is_swept = 0;

-- Failed runs that a person has dealt with. Not made from the journal.
CREATE TABLE discarded (
    run TEXT PRIMARY KEY,
    at  INTEGER NOT NULL,                 -- milliseconds since 1970-01-01 UTC
    by  TEXT NOT NULL,
    why TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What was saved: results that were taken over instead of paid for again. Made from the journal.
CREATE TABLE savings (
    run            INTEGER NOT NULL,
    path           TEXT NOT NULL,
    at             INTEGER NOT NULL,      -- milliseconds since 1970-01-01 UTC
    operation      TEXT NOT NULL,
    amount         TEXT NOT NULL,         -- US dollars: what it cost where it was made
    source         TEXT NOT NULL,         -- the run, the step and the attempt that made it
    source_path    TEXT NOT NULL,
    source_attempt INTEGER NOT NULL,
    PRIMARY KEY (run, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX savings_sources ON savings (source, source_path, source_attempt);

-- What steps with `cache` made, by the key under which other runs look for it. Made from the journal.
CREATE TABLE cache (
    run         INTEGER NOT NULL,
    path        TEXT NOT NULL,
    fingerprint BLOB NOT NULL,            -- a SHA-256
    made_at     INTEGER NOT NULL,         -- milliseconds since 1970-01-01 UTC
    until       INTEGER,                  -- until when it holds by the step that made it; null for ever
    turn        INTEGER NOT NULL,         -- of the run, in which it stands
    PRIMARY KEY (run, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX cache_keys ON cache (fingerprint, made_at);
