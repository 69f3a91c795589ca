-- The embedded database keeps no statistics of values: it is never told to (ANALYZE), and its planner copies none by itself.
SELECT 1;
