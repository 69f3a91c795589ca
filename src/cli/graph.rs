//! `obhut graph`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::HomeLayer;
use crate::intake::Answer;
use crate::types::{ReviewId, SubjectId};

/// `obhut graph`.
#[derive(Subcommand)]
pub enum Graph {
    /// Write which record of which source belongs to which person
    ///
    /// One line per record: `source,external_id,subject_id`, person by person. The ids of the sources are opened under
    /// the purpose identity_matching, and the audit book says so. What that purpose may not read is left out and counted:
    /// people who objected, and records of sources whose terms do not list it.
    #[command(
        after_help = "Examples:\n  obhut graph assignments --format csv --output assignments.csv\n  obhut graph assignments --format ndjson | head"
    )]
    Assignments(Assignments),
    /// Group all stored records anew, as if they had arrived at once
    ///
    /// Compares everything with everything it may be one person with, by how frequent each value is by now, and carries out
    /// what differs: who does not belong is taken out, who belongs is joined, what is doubtful is asked. What rules join and
    /// somebody decided stays. Runs while the hub serves; one that is cut short is simply run again. It keeps what is
    /// compared of every record in memory, about 3 KB each.
    Resolve(HomeLayer),
    /// Estimate the weights of matching anew from the records of this hub
    ///
    /// Opens what is compared of the records, under the purpose identity_matching and of nobody who objected, and learns how
    /// often records of one person differ and those of strangers agree. Weights of mailboxes, phones and numbers stay as they
    /// are. The model is stored, weighs from then on, and is named in every link it made; what was joined stays joined.
    /// `obhut graph model --use 0` goes back to the one the hub ships with.
    #[command(after_help = "Example:\n  obhut graph train --dry-run && obhut graph train && obhut graph resolve")]
    Train(Train),
    /// Show which model of matching weighs, when it was estimated and from how much, or choose another
    #[command(after_help = "Example:\n  obhut graph model --use 0")]
    Model(ChooseModel),
    /// Take apart who was taken for one person
    ///
    /// Gives records, identifiers, consents and keys back to whom they were given to, what arrived since included. The ids
    /// are those of GET /v1/subjects/{subject_id}/links. Prints who is who now, and who is to be told.
    #[command(
        after_help = "Example:\n  obhut graph split 0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e --part 0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3f"
    )]
    Split(Split),
    /// Decide which doubtful pairs of records are of one person
    Reviews {
        /// What to do.
        #[command(subcommand)]
        command: Reviews,
    },
}

/// `obhut graph reviews`.
#[derive(Subcommand)]
pub enum Reviews {
    /// List the open questions, oldest first: id, weight in bits, since when, and the two people
    List(HomeLayer),
    /// Show both people of a question side by side, masked
    ///
    /// Both are read under the purpose identity_matching, and the audit book says so. A question about somebody who may not be
    /// read under it is not shown.
    Show(NamedReview),
    /// Answer a question
    ///
    /// `same` joins the two people, `not_same` keeps them apart for good, `unsure` changes nothing. It is not asked again.
    #[command(after_help = "Example:\n  obhut graph reviews answer 0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e not_same")]
    Answer(AnswerReview),
}

/// A question that is named.
#[derive(Args)]
pub struct NamedReview {
    /// Id of the question
    #[arg(value_name = "QUESTION")]
    pub id: ReviewId,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// `obhut graph reviews answer`.
#[derive(Args)]
pub struct AnswerReview {
    /// Id of the question
    #[arg(value_name = "QUESTION")]
    pub id: ReviewId,
    /// same, not_same or unsure
    #[arg(value_name = "ANSWER")]
    pub answer: Answer,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// `obhut graph train`.
#[derive(Args)]
pub struct Train {
    /// Print what would change, store nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// `obhut graph model`.
#[derive(Args)]
pub struct ChooseModel {
    /// Version of the model that is to weigh; 0 for the one the hub ships with
    #[arg(long = "use", value_name = "VERSION")]
    pub version: Option<i32>,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// `obhut graph split`.
#[derive(Args)]
pub struct Split {
    /// The person
    pub person: SubjectId,
    /// Somebody who was merged into them; repeat it for several, each becomes a person
    #[arg(long = "part", value_name = "ID", required_unless_present = "records", conflicts_with = "records")]
    pub parts: Vec<SubjectId>,
    /// Number of a record; repeat it for several, together they become a new person
    #[arg(long = "record", value_name = "NUMBER")]
    pub records: Vec<i64>,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// `obhut graph assignments`.
#[derive(Args)]
pub struct Assignments {
    /// Form of the lines
    #[arg(long, value_enum, value_name = "FORM", default_value = "csv")]
    pub format: TableFormat,
    /// File to write, readable by its owner alone if it is new [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// The form of a table that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum TableFormat {
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object per line.
    Ndjson,
}
