//! `/v1/decisions`: why a read was, or would be, decided as it was.

pub mod explain;
