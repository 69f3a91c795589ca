//! `obhut graph train` and `obhut graph model`: what each agreement is worth, learnt from the records of this hub.

use super::Hub;
use super::commands::{Outcome, bar, say};
use crate::cli::{ChooseModel, Train};
use crate::gateway::{Actor, Caller, Scope};
use crate::graph::matching::Model;
use crate::intake::FIRST_TRAINED;
use crate::store::cards;

/// `obhut graph train`.
pub(super) async fn train(hub: &Hub, arguments: &Train) -> Outcome {
    let house = &hub.house;
    let by = Caller { actor: Actor::Hub("obhut graph train"), scope: Scope::Every };
    let bar = bar("records looked at");
    bar.set_length(u64::try_from(house.store.read(|read| cards::count(read.records())).await?).unwrap_or(0));
    let seen = |records| bar.set_position(u64::try_from(records).unwrap_or(0));
    let training = house.intake.train(arguments.dry_run, &by, seen).await;
    bar.finish_and_clear();
    let training = training?;
    say(&format!("{} records, {} pairs of them compared", training.records, training.pairs));
    for change in &training.changes {
        let (before, after) = (change.before.bits(), change.after.bits());
        say(&format!("{:>14} {:<18} {before:>6.1} -> {after:>5.1} bits", change.field.word(), change.level.word()));
    }
    match training.version {
        Some(version) => say(&format!("model {version} weighs from now on; `obhut graph resolve` compares again")),
        None => say("nothing was stored"),
    }
    Ok(())
}

/// `obhut graph model`.
pub(super) async fn choose(hub: &Hub, arguments: &ChooseModel) -> Outcome {
    let house = &hub.house;
    let shipped = Model::shipped().version;
    if let Some(wanted) = arguments.version {
        let by = Caller { actor: Actor::Hub("obhut graph model"), scope: Scope::Every };
        let trained = wanted >= FIRST_TRAINED;
        house.intake.use_model(trained.then_some(wanted), &by).await?;
    }
    let models = house.intake.models().await?;
    let in_force = |weighs: bool| if weighs { "  weighs" } else { "" };
    say(&format!("{shipped:>5}  shipped{}", in_force(models.iter().all(|model| model.in_force == 0))));
    for model in &models {
        let (at, weighs) = (model.made_at.rfc3339(), in_force(model.in_force == 1));
        say(&format!("{:>5}  trained {at} on {} records, {} pairs{weighs}", model.version, model.records, model.pairs));
    }
    Ok(())
}
