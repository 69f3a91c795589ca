//! What is stored of models and cards is read as it was written.

use super::*;

#[test]
fn the_model_writes_and_reads_itself() {
    let model = Model::shipped();
    assert_eq!(Model::from_toml(&model.to_toml().unwrap()).unwrap(), model);
    assert!(Model::from_toml("version = 1").is_err());
    let text = model.to_toml().unwrap();
    assert!(Model::from_toml(&text.replace("join = 4.0", "join = -4.0")).is_err());
    assert!(Model::from_toml(&text.replace("join = 4.0", "join = nan")).is_err());
}

#[test]
fn damaged_cards_are_refused() {
    let bytes = card(&format!("given:anna, family:muller, {HOME}")).to_bytes();
    for end in 1..bytes.len() {
        // A cut between two fields leaves a shorter card; anywhere else it is noticed. It never panics.
        let _ = Card::from_bytes(&bytes[..end]);
    }
    assert!(Card::from_bytes(&[]).is_err());
    assert!(Card::from_bytes(&[2]).is_err());
    assert!(Card::from_bytes(&[1, 2, 9, 0, b'a']).is_err());
    assert_eq!(
        Card::from_bytes(&[1, 200, 1, 0, 7]).map(|card| card.is_empty()),
        Ok(true),
        "a later field is passed over"
    );
}

#[test]
fn a_street_that_an_earlier_hub_shortened_is_read_as_it_is_kept_now() {
    let read = |street: &str| {
        let written = card(&format!("street:{street}, house:5, code:06110, town:halle")).to_bytes();
        Card::from_bytes(&written).unwrap().places.first().and_then(|place| place.street.clone())
    };
    for (kept, street) in [
        ("strdereinheit", "strassedereinheit"),
        ("strassedereinheit", "strassedereinheit"),
        ("gartenstr", "gartenstr"),
        ("strandweg", "strandweg"),
    ] {
        assert_eq!(read(kept).as_deref(), Some(street));
    }
}
