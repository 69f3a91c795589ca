-- When the person said it, where an entry counts from a later time than that: a no that is said for each of those somebody becomes who
-- objected to being matched (intake::refusals). 0: as happened_at.
ALTER TABLE ledger ADD COLUMN said_at BIGINT NOT NULL DEFAULT 0;
