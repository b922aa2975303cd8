-- The first eight bytes of a SHA-256 over the turn's number, its time and its body, or what names
-- its body, so that a changed letter is found. Null in the turns of format 1.
ALTER TABLE journal ADD COLUMN "check" INTEGER;
