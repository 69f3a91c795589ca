//! Why not: one list for the consent room and the gateway.

use super::Text;
use crate::types::words;

words! {
    /// Why something is refused. The order is the order of telling: where several reasons hold, the first is named.
    /// Codes and numbers are stored in the audit log and never reused.
    Reason as "RefusalReason", "reason" {
        /// No purpose with this code is configured.
        PurposeUnknown = 1 "purpose_unknown",
        /// The purpose lacks what the law wants said.
        PurposeIncomplete = 2 "purpose_incomplete",
        /// The question names no category.
        NoCategoryAsked = 3 "no_category_asked",
        /// The caller's role reads no personal data.
        RoleReadsNothing = 4 "role_reads_nothing",
        /// The caller may not ask under this purpose.
        OutOfScope = 5 "out_of_scope",
        /// Only the person and the data protection officer may ask for the person's own copy.
        OwnAccessOnly = 6 "own_access_only",
        /// The hub knows no such person.
        UnknownSubject = 7 "unknown_subject",
        /// The purpose does not need this category.
        CategoryNotInPurpose = 8 "category_not_in_purpose",
        /// The purpose has channels and the question names none.
        ChannelMissing = 9 "channel_missing",
        /// The purpose does not use this channel.
        ChannelNotInPurpose = 10 "channel_not_in_purpose",
        /// Processing is restricted (Art. 18 GDPR).
        Restricted = 11 "restricted",
        /// The person objected (Art. 21 GDPR).
        Objected = 12 "objected",
        /// The consent was withdrawn (Art. 7(3) GDPR).
        Withdrawn = 13 "withdrawn",
        /// The person was asked and said no.
        Denied = 14 "denied",
        /// The consent is no affirmative or free act (Art. 4(11), 7(4) GDPR).
        NotFreelyGiven = 15 "not_freely_given",
        /// Nobody can prove the consent (Art. 7(1) GDPR).
        Unproven = 16 "unproven",
        /// The way the consent was given proves nothing for this channel.
        MethodNotEnough = 17 "method_not_enough",
        /// The double opt-in was not confirmed in time.
        NotConfirmed = 18 "not_confirmed",
        /// Explicit consent is needed (Art. 9(2)(a) GDPR).
        NotExplicit = 19 "not_explicit",
        /// A child consented without its parents (Art. 8 GDPR).
        ChildWithoutParent = 20 "child_without_parent",
        /// The consent was given to a text that does not cover the purpose in force.
        TextVersionOutdated = 21 "text_version_outdated",
        /// The consent is too old.
        ExpiredConsent = 22 "expired_consent",
        /// Consent was given for another channel only.
        ChannelNotConsented = 23 "channel_not_consented",
        /// There is no consent.
        NoConsent = 24 "no_consent",
        /// The contract and its follow-up time are over.
        ContractOver = 25 "contract_over",
        /// There is no contract.
        NoContract = 26 "no_contract",
        /// § 7(3) UWG: no paid order.
        NoPaidOrder = 27 "no_paid_order",
        /// § 7(3) no. 1 UWG: the address did not come with an order.
        AddressNotFromOrder = 28 "address_not_from_order",
        /// § 7(3) no. 2 UWG: the goods are not similar.
        GoodsNotSimilar = 29 "goods_not_similar",
        /// § 7(3) no. 4 UWG: the person was not told of the right to object when the address was taken.
        NoNoticeAtCollection = 30 "no_notice_at_collection",
        /// The source gave its data for other purposes.
        SourceLocked = 31 "source_locked",
        /// The time for which the source gave its data is over.
        SourceClockOver = 32 "source_clock_over",
        /// The record is kept only because a law demands it.
        KeptByLaw = 33 "kept_by_law",
        /// The time for which the record may be kept is over.
        KeepingOver = 34 "keeping_over",
        /// The event is older than the purpose looks back.
        BeforeLookBack = 35 "before_look_back",
        /// There is nothing stored of this person.
        NoRecords = 36 "no_records",
    }
}

impl Reason {
    /// The reason in plain words, without anything about a person.
    #[must_use]
    pub fn text(self) -> Text {
        let (de, en) = self.texts();
        Text { de: de.to_owned(), en: en.to_owned() }
    }

    const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::PurposeUnknown => ("Dieser Zweck ist nicht eingerichtet.", "This purpose is not configured."),
            Self::PurposeIncomplete => {
                ("Der Zweck ist unvollständig beschrieben.", "The purpose is not fully described.")
            }
            Self::NoCategoryAsked => {
                ("Es wurde nach keiner Datenkategorie gefragt.", "No category of data was asked for.")
            }
            Self::RoleReadsNothing => {
                ("Diese Rolle liest keine personenbezogenen Daten.", "This role reads no personal data.")
            }
            Self::OutOfScope => {
                ("Der Aufrufer darf für diesen Zweck nicht fragen.", "The caller may not ask under this purpose.")
            }
            Self::OwnAccessOnly => (
                "Nur die Person selbst und die Datenschutzstelle dürfen das.",
                "Only the person and the data protection officer may.",
            ),
            Self::UnknownSubject => ("Diese Person ist nicht bekannt.", "No such person is known."),
            Self::CategoryNotInPurpose => {
                ("Der Zweck braucht diese Daten nicht.", "The purpose does not need this data.")
            }
            Self::ChannelMissing => ("Der Kanal ist nicht genannt.", "The channel is not named."),
            Self::ChannelNotInPurpose => {
                ("Der Zweck nutzt diesen Kanal nicht.", "The purpose does not use this channel.")
            }
            Self::Restricted => {
                ("Die Verarbeitung ist eingeschränkt (Art. 18 DSGVO).", "Processing is restricted (Art. 18 GDPR).")
            }
            Self::Objected => ("Die Person hat widersprochen (Art. 21 DSGVO).", "The person objected (Art. 21 GDPR)."),
            Self::Withdrawn => ("Die Einwilligung wurde widerrufen.", "The consent was withdrawn."),
            Self::Denied => ("Die Person hat abgelehnt.", "The person said no."),
            Self::NotFreelyGiven => (
                "Die Einwilligung war nicht aktiv oder nicht freiwillig.",
                "The consent was not an affirmative, free act.",
            ),
            Self::Unproven => ("Die Einwilligung ist nicht nachgewiesen.", "The consent is not proven."),
            Self::MethodNotEnough => {
                ("Dieser Nachweis trägt für den Kanal nicht.", "This proof does not hold for the channel.")
            }
            Self::NotConfirmed => ("Das Double-Opt-in wurde nicht bestätigt.", "The double opt-in was not confirmed."),
            Self::NotExplicit => ("Es fehlt die ausdrückliche Einwilligung.", "Explicit consent is missing."),
            Self::ChildWithoutParent => ("Es fehlt die Zustimmung der Eltern.", "The parents' agreement is missing."),
            Self::TextVersionOutdated => {
                ("Der Einwilligungstext ist überholt.", "The text consented to is out of date.")
            }
            Self::ExpiredConsent => ("Die Einwilligung ist abgelaufen.", "The consent has expired."),
            Self::ChannelNotConsented => {
                ("Die Einwilligung gilt für einen anderen Kanal.", "The consent is for another channel.")
            }
            Self::NoConsent => ("Es gibt keine Einwilligung.", "There is no consent."),
            Self::ContractOver => ("Der Vertrag ist beendet.", "The contract is over."),
            Self::NoContract => ("Es gibt keinen Vertrag.", "There is no contract."),
            Self::NoPaidOrder => {
                ("Es gibt keine bezahlte Bestellung (§ 7 Abs. 3 UWG).", "There is no paid order (§ 7(3) UWG).")
            }
            Self::AddressNotFromOrder => (
                "Die Adresse stammt nicht aus einer Bestellung (§ 7 Abs. 3 UWG).",
                "The address did not come with an order (§ 7(3) UWG).",
            ),
            Self::GoodsNotSimilar => {
                ("Die Waren sind nicht ähnlich (§ 7 Abs. 3 UWG).", "The goods are not similar (§ 7(3) UWG).")
            }
            Self::NoNoticeAtCollection => (
                "Bei der Erhebung fehlte der Hinweis auf den Widerspruch.",
                "The right to object was not named when the address was taken.",
            ),
            Self::SourceLocked => {
                ("Die Quelle gab die Daten für andere Zwecke.", "The source gave its data for other purposes.")
            }
            Self::SourceClockOver => ("Die Frist der Quelle ist abgelaufen.", "The source's time is over."),
            Self::KeptByLaw => (
                "Der Datensatz wird nur noch wegen einer Aufbewahrungspflicht geführt.",
                "The record is kept only because a law demands it.",
            ),
            Self::KeepingOver => ("Die Aufbewahrungszeit ist abgelaufen.", "The time for keeping the record is over."),
            Self::NoRecords => ("Zu dieser Person ist nichts gespeichert.", "Nothing is stored of this person."),
            Self::BeforeLookBack => ("Das Ereignis liegt zu lange zurück.", "The event is too long ago."),
        }
    }
}
