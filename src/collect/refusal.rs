//! [`Refusal`]: why a message was not taken, and where. It never holds a value of it.

/// A refused message: a stable code, the field as a JSON pointer (RFC 6901), and a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A stable word.
    pub code: &'static str,
    /// Where in the message, such as `/event`; empty for the whole.
    pub pointer: &'static str,
    /// What is expected there.
    pub detail: &'static str,
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $pointer:literal, $detail:literal;)+) => {
        impl Refusal {
            $($(#[$doc])* pub const $name: Self = Self { code: $code, pointer: $pointer, detail: $detail };)+

            /// Every refusal of this room.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

refusals! {
    /// Not an object.
    NO_OBJECT = "not_an_object", "", "An event is a JSON object.";
    /// Longer than an event may be.
    TOO_LARGE = "event_too_large", "", "An event has at most 32 KiB.";
    /// No type, or none of the six.
    UNKNOWN_TYPE = "unknown_type", "/type", "Name one of identify, track, page, screen, group and alias.";
    /// Neither a user nor a visitor.
    NO_ID = "missing_id", "/anonymousId", "Name the user (userId) or the visitor (anonymousId).";
    /// A key of a page speaks for a visitor.
    NO_VISITOR = "missing_visitor", "/anonymousId", "With the key of a page every event names its visitor: anonymousId.";
    /// A user's id that is no single line of at most 256 characters.
    WRONG_USER = "invalid_id", "/userId", "An id has 1 to 256 characters and no control characters.";
    /// The same of a visitor.
    WRONG_VISITOR = "invalid_id", "/anonymousId", "An id has 1 to 256 characters and no control characters.";
    /// A message id that is too long to tell messages apart by.
    WRONG_MESSAGE_ID = "invalid_message_id", "/messageId", "A messageId has 1 to 256 characters.";
    /// The same of the sender's clock.
    WRONG_CLOCK = "invalid_timestamp", "/sentAt", "Write times like 2026-03-07T13:40:01.000Z.";
    /// A write key that is none.
    WRONG_KEY = "invalid_write_key", "/writeKey", "The write key is a text.";
    /// A time that is none.
    WRONG_TIME = "invalid_timestamp", "/timestamp", "Write times like 2026-03-07T13:40:01.000Z.";
    /// What stands around an event is named by fields.
    WRONG_CONTEXT = "not_an_object", "/context", "The context is an object, or absent.";
    /// So are properties.
    WRONG_PROPERTIES = "not_an_object", "/properties", "Properties are an object, or absent.";
    /// So are traits.
    WRONG_TRAITS = "not_an_object", "/traits", "Traits are an object, or absent.";
    /// What a page counts as its name is a text.
    WRONG_EVENT = "invalid_event", "/event", "The name of an event is a text.";
    /// A track call without the name of the event.
    NO_EVENT = "missing_event", "/event", "Name the event, in 1 to 256 characters.";
    /// A group call without a group.
    NO_GROUP = "missing_group", "/groupId", "Name the group: groupId.";
    /// An alias call without both names.
    NO_PREVIOUS = "missing_previous_id", "/previousId", "Name both the user (userId) and who it was before (previousId).";
    /// The event that tells of a choice, without the choice.
    NO_CONSENT = "missing_consent", "/context/consent/categoryPreferences",
        "This event carries the preferences: categoryPreferences, an object of category id and true or false.";
}
