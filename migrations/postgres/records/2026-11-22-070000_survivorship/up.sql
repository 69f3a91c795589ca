-- Whose word counts where records of one person say different things. Every version is kept; the newest is in force.
CREATE TABLE survivorship (
    version INTEGER NOT NULL PRIMARY KEY,   -- from 1; without any the hub's own order holds
    definition TEXT NOT NULL,               -- JSON: rules, codes of sources, names of attributes; no values
    created_at BIGINT NOT NULL
);
