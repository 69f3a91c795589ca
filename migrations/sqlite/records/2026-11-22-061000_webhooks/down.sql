DROP TABLE vendor_erasure;
DROP TABLE delivery;
