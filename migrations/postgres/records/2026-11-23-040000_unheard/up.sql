-- Names of consents a banner reported and nobody mapped to a purpose: what was said under them is not known here, and no yes.
CREATE TABLE unheard (
    source_no INTEGER NOT NULL,
    kind TEXT NOT NULL, -- category: of the banner; purpose: one a category was mapped to, which is not configured as a consent
    name TEXT NOT NULL, -- the merchant's own word, cut to what such a word looks like; 90 days after it came last
    events BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (source_no, kind, name)
);
