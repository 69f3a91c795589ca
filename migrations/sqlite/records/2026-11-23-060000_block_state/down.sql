-- Whoever goes back finds records by the index alone: what waits to be written comes into it. Eight bytes of a card are one key.
WITH RECURSIVE digit (record_no, digits, place, matching_key) AS (
    SELECT record_no, hex(matching_keys), 0, 0 FROM card
    WHERE record_no > (SELECT up_to FROM block_state) AND length(matching_keys) > 0
    UNION ALL
    SELECT record_no, digits, place + 1,
        (CASE WHEN place % 16 = 0 THEN 0 ELSE matching_key << 4 END)
            | (instr('0123456789ABCDEF', substr(digits, place + 1, 1)) - 1)
    FROM digit WHERE place < length(digits)
)
INSERT OR IGNORE INTO block SELECT matching_key, record_no FROM digit WHERE place > 0 AND place % 16 = 0;

DROP TABLE block_state;
