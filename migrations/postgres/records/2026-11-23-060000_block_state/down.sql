DROP TABLE block_state;
