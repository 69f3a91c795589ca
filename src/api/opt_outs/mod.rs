//! `/v1/opt-outs`: the no that comes by the link in a message. The person has no key; the token is their word.

pub mod record;
