-- The planner copies frequent values of each column into its own tables, where they outlive the row they are of. Nothing is ever looked
-- up by what is sealed, wrapped or a digest of content: of such columns it keeps none. Nor of what waits to be counted no more: it is
-- mostly empty, and of an empty table the planner never renews what it remembers.
DO $$
DECLARE
    held record;
BEGIN
    FOR held IN
        SELECT kept.relname, stored.attname
        FROM pg_attribute stored
        JOIN pg_class kept ON kept.oid = stored.attrelid AND kept.relkind = 'r'
        WHERE kept.relnamespace = current_schema()::regnamespace
            AND stored.attnum > 0 AND NOT stored.attisdropped AND stored.atttypid = 'bytea'::regtype
            AND (kept.relname = 'term_gone' OR NOT EXISTS (
                SELECT 1 FROM pg_index found WHERE found.indrelid = kept.oid AND stored.attnum = ANY (found.indkey::int2[])))
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I SET STATISTICS 0', held.relname, held.attname);
    END LOOP;
END $$;
