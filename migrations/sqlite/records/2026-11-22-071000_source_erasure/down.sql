DROP TABLE source_erasure;
