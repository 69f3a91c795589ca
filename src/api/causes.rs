//! What the caller sees of a failure below: busy, not ready, or internal. The cause itself goes to the log.
//!
//! Every match is exhaustive, so that a new failure must be placed here before the house compiles.

use std::sync::Arc;

use super::doorkeeper;
use super::etag;
use super::paging::foreign;
use super::problem::{Code, FieldFault, Problem};
use super::segments::faults;
use crate::types::SubjectId;
use crate::{audit, consent, gateway, intake, rights, segments, store};

/// Seconds a caller is asked to wait when too much is waiting.
const SOON: u64 = 1;
/// People whose ids are named in one answer.
const NAMED: usize = 50;
/// Seconds a caller is asked to wait for an operator or another node.
const LATER: u64 = 30;

impl From<store::Error> for Problem {
    fn from(cause: store::Error) -> Self {
        of_store(&cause).because(cause)
    }
}

impl From<audit::Error> for Problem {
    fn from(cause: audit::Error) -> Self {
        of_audit(&cause).because(cause)
    }
}

impl From<gateway::Error> for Problem {
    fn from(cause: gateway::Error) -> Self {
        of_gateway(&cause).because(cause)
    }
}

impl From<intake::Error> for Problem {
    fn from(cause: intake::Error) -> Self {
        of_intake(&cause).because(cause)
    }
}

/// One failure of a batch in which several calls waited.
impl From<Arc<intake::Error>> for Problem {
    fn from(cause: Arc<intake::Error>) -> Self {
        of_intake(&cause).because(cause)
    }
}

impl From<doorkeeper::Error> for Problem {
    fn from(cause: doorkeeper::Error) -> Self {
        use doorkeeper::Error;
        let problem = match &cause {
            Error::Store(inner) => of_store(inner),
            Error::Audit(inner) => of_audit(inner),
            Error::Entropy(_) => internal(),
        };
        problem.because(cause)
    }
}
impl From<segments::Error> for Problem {
    fn from(cause: segments::Error) -> Self {
        use segments::Error;
        let problem = match &cause {
            Error::Unknown => Self::new(Code::NotFound, "There is no segment with this code."),
            Error::Invalid(found) => faults(Code::InvalidValue, found),
            // The segment is stored as it was; what changed are the purposes.
            Error::Outdated(found) => faults(Code::Conflict, found),
            Error::OtherVersion => etag::failed(),
            Error::Changed => Self::new(Code::Conflict, "The segment was changed meanwhile. Begin again."),
            Error::Cursor => foreign(),
            Error::NotAllowed(_) => {
                Self::new(Code::Forbidden, "A purpose of the segment is not in the scope of this key.")
            }
            Error::Store(inner) => of_store(inner),
            Error::Gateway(inner) => of_gateway(inner),
            Error::Audit(inner) => of_audit(inner),
            Error::Unreadable | Error::Vault(_) | Error::Entropy(_) => internal(),
        };
        problem.because(cause)
    }
}

impl From<rights::Error> for Problem {
    fn from(cause: rights::Error) -> Self {
        use rights::Error;
        let conflict = |detail: &'static str| Self::new(Code::Conflict, detail);
        let problem = match &cause {
            Error::SubjectUnknown => Self::new(Code::NotFound, "Nobody is known by this."),
            Error::SubjectErased(at) => {
                Self::new(Code::NotFound, format!("This person was erased at {}.", at.rfc3339()))
            }
            Error::SeveralPeople(people) => Self::new(Code::Conflict, several(people)),
            Error::RequestUnknown => Self::new(Code::NotFound, "There is no request with this id."),
            Error::RecipientUnknown => {
                Self::new(Code::InvalidValue, "The request has no recipient of this name.").at("/recipient")
            }
            Error::OutOfTurn(state) => Self::new(Code::Conflict, format!("The request is {state}.")),
            Error::NotAllowed => Self::new(Code::Forbidden, "This request is for another role."),
            Error::ReceivedInFuture => {
                Self::new(Code::InvalidValue, "A request cannot arrive in the future.").at("/received_at")
            }
            Error::NotDemanded => Self::new(
                Code::InvalidValue,
                "A rectification is recorded by what rectifies: POST /v1/subjects/{subject_id}/rectification or /split.",
            )
            .at("/right"),
            Error::NotExtendable => conflict("A period is extended once, and only while it runs (Art. 12(3) GDPR)."),
            Error::Restricted(_) => conflict("The person's data is restricted (Art. 18 GDPR). Lift that first."),
            Error::Changed | Error::ReadersInTheWay => Self::overloaded(SOON),
            Error::Store(inner) => of_store(inner),
            Error::Gateway(inner) => of_gateway(inner),
            Error::Audit(inner) => of_audit(inner),
            Error::Keyring(inner) => of_keyring(inner),
            Error::Time | Error::Document(_) | Error::Vault(_) | Error::Entropy(_) => internal(),
        };
        problem.because(cause)
    }
}

/// The one answer for an unknown person, a refused read and a purpose that is not configured.
#[must_use]
pub(super) fn nobody() -> Problem {
    Problem::new(Code::NotFound, "There is nothing here that this key may read for this purpose.")
}

/// For the officer alone: whom an identifier may be about.
fn several(people: &[SubjectId]) -> String {
    let ids: Vec<String> = people.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if people.len() > NAMED { " and others" } else { "" };
    format!("Several people hold this identifier. Name whom it is about by id: {}{more}.", ids.join(", "))
}

/// The faults a purpose or an act was found to have.
pub(super) fn of_rules(problems: &[consent::Problem]) -> Problem {
    let fault = |problem: &consent::Problem| FieldFault {
        code: problem.code,
        pointer: problem.pointer.to_owned(),
        detail: problem.text.into(),
    };
    Problem::fields(Code::InvalidValue, problems.iter().map(fault).collect())
}

fn of_store(cause: &store::Error) -> Problem {
    use store::Error;
    match cause {
        Error::Overloaded | Error::Conflict(_) | Error::Lost(_) => Problem::overloaded(SOON),
        Error::Full(_) => Problem::overloaded(LATER),
        // A connection that cannot be opened: the database is away, or this process has too many files open.
        Error::Disk(_) | Error::Stopped | Error::Open(_) => not_ready(),
        Error::Migrate(_) | Error::Statement(_) | Error::Taken | Error::Unreadable(_) | Error::Entropy(_) => internal(),
    }
}

fn of_intake(cause: &intake::Error) -> Problem {
    use intake::Error;
    match cause {
        Error::Store(inner) => of_store(inner),
        Error::Audit(inner) => of_audit(inner),
        Error::Keyring(inner) => of_keyring(inner),
        Error::Rejected(rejection) => {
            Problem::new(Code::InvalidValue, rejection.detail.clone()).at(rejection.pointer.clone())
        }
        Error::Act(problems) => of_rules(problems),
        Error::UnknownSubject => nobody(),
        Error::NoReview => Problem::new(Code::NotFound, "There is no open question with this id."),
        Error::Shared => {
            Problem::new(Code::Conflict, "Several people share this identifier; a yes is one person's. Name the id.")
        }
        Error::Corrected => Problem::new(
            Code::Conflict,
            "The person corrected what is said of them; only a decision that they are two takes them apart.",
        ),
        Error::NoPart => Problem::new(
            Code::Conflict,
            "This cannot be taken out of the person: it is no part of them, or all of them.",
        ),
        Error::NewEpoch | Error::Changed | Error::Untold => Problem::overloaded(SOON),
        Error::Gateway(inner) => of_gateway(inner),
        // Models are estimated and chosen at the command line.
        Error::Vault(_) | Error::NoKey | Error::Model(_) | Error::NoModel | Error::TooFewPairs => internal(),
    }
}

fn of_gateway(cause: &gateway::Error) -> Problem {
    use gateway::Error;
    match cause {
        Error::Store(inner) => of_store(inner),
        Error::Audit(inner) => of_audit(inner),
        Error::Keyring(inner) => of_keyring(inner),
        Error::Vault(_) | Error::Entropy(_) | Error::WrongReceipt | Error::NotOwnCopy => internal(),
    }
}

/// Without a durable audit line nothing is disclosed and nothing is changed.
fn of_audit(cause: &audit::Error) -> Problem {
    use audit::Error;
    match cause {
        Error::Store(store::Error::Overloaded) => Problem::overloaded(SOON),
        Error::Store(_) | Error::Broken(_) => not_ready(),
        Error::Vault(_) => internal(),
    }
}

fn of_keyring(cause: &crate::vault::KeyringError) -> Problem {
    use crate::vault::KeyringError;
    match cause {
        KeyringError::Store(inner) => of_store(inner),
        KeyringError::Vault(_) => internal(),
    }
}

fn not_ready() -> Problem {
    Problem::new(Code::NotReady, "The hub cannot serve this now.").retry_after(LATER)
}

fn internal() -> Problem {
    Problem::new(Code::Internal, "The hub could not do this. The request id finds the cause in its log.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_not_durable_closes_the_door_and_says_when_to_come_back() {
        let problem = Problem::from(gateway::Error::Audit(audit::Error::Store(store::Error::Stopped)));
        assert_eq!(problem.code(), Code::NotReady);
        assert!(problem.reply(None).headers().contains_key("retry-after"));
        assert!(problem.cause().is_some());
        assert_eq!(Problem::from(store::Error::Overloaded).code(), Code::Overloaded);
        assert_eq!(Problem::from(store::Error::Open(String::new())).code(), Code::NotReady);
        assert_eq!(Problem::from(store::Error::Unreadable("row")).code(), Code::Internal);
    }
}
