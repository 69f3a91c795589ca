//! The words of an explanation. Numbers are stored with links and never reused.

use crate::types::words;

words! {
    /// What of two records was compared.
    Field as "MatchField", "match field" {
        /// Given names.
        GivenName = 1 "given_name",
        /// Family names.
        FamilyName = 2 "family_name",
        /// Date of birth.
        BirthDate = 3 "birth_date",
        /// E-mail addresses.
        Mailbox = 4 "mailbox",
        /// Phone numbers.
        Phone = 5 "phone",
        /// Postal addresses.
        Address = 6 "address",
        /// The firm somebody stands for.
        Company = 7 "company",
        /// Names somebody chose at a social network, or before the @ of a mailbox.
        Handle = 8 "handle",
        /// Numbers that name one person: of a customer, an account, a bank account, an order.
        Number = 9 "number",
        /// What the form of address or the given name says.
        Sex = 10 "sex",
        /// "Senior", "junior".
        Generation = 11 "generation",
        /// The correction for people who share a home, a family name, a phone or a mailbox.
        Household = 12 "household",
        /// The correction for people who share a workplace.
        Workplace = 13 "workplace",
    }
}

words! {
    /// How well two values agree.
    Level as "MatchLevel", "match level" {
        /// The same.
        Same = 1 "same",
        /// The same but for spelling, a typing error or the sound.
        Similar = 2 "similar",
        /// One is a usual short form of the other.
        Nickname = 3 "nickname",
        /// One is the first letter, or the beginning, of the other.
        Initial = 4 "initial",
        /// One is a part of the other: one of two given names, half a double name.
        Part = 5 "part",
        /// Given and family name changed places.
        Swapped = 6 "swapped",
        /// Clearly not the same.
        Different = 7 "different",
        /// The same building.
        Building = 8 "building",
        /// The same street, the house number missing or another.
        Street = 9 "street",
        /// The same postal code.
        PostalCode = 10 "postal_code",
        /// The same town.
        Town = 11 "town",
        /// The same parcel locker or post-office box.
        Locker = 12 "locker",
        /// The same part before the @, at another provider.
        LocalPart = 13 "local_part",
        /// The same mailbox of a post such as `info@`.
        RoleMailbox = 14 "role_mailbox",
        /// The same year.
        Year = 15 "year",
        /// Day and month changed places.
        DayMonthSwapped = 16 "day_month_swapped",
        /// The same domain of a firm.
        Domain = 17 "domain",
        /// The same order or invoice.
        Paper = 18 "paper",
        /// Others explain the agreement as well.
        Shared = 19 "shared",
        /// Neither the same nor clearly different.
        Near = 20 "near",
        /// The same landline: a household's or a firm's.
        Landline = 21 "landline",
        /// The same postal code or town, and another street.
        OtherStreet = 22 "other_street",
        /// The name stands in a mailbox or handle of the record that does not give it.
        Written = 23 "written_in_handle",
        /// The same month of the same year, and another day.
        Month = 24 "month",
        /// The same year and day of the month, and another month.
        Day = 25 "day",
    }
}

words! {
    /// What keeps two records apart whatever else agrees.
    Veto as "MatchVeto", "match veto" {
        /// Their birth dates cannot be one date with a typing error.
        BirthDates = 1 "birth_dates",
        /// One is a person, the other an organisation.
        PersonAndOrganisation = 2 "person_and_organisation",
        /// Two verified logins at one source.
        Logins = 3 "different_logins",
        /// One family name, two given names, and nothing personal agrees; or two given names of one birth date and home.
        GivenNames = 4 "different_given_names",
        /// Senior and junior.
        Generations = 5 "different_generations",
    }
}

words! {
    /// What a blocking key is made of. Records that share one are compared.
    KeyKind, "kind of matching key" {
        /// A mailbox.
        Mailbox = 1 "mailbox",
        /// A phone number.
        Phone = 2 "phone",
        /// A number that names one person.
        Number = 3 "number",
        /// A handle, or the part before the @.
        Handle = 4 "handle",
        /// The sound of the family name, or of the given name, and the postal code.
        FamilyAndPostalCode = 5 "family_and_postal_code",
        /// Given and family name, in either order.
        FullName = 6 "full_name",
        /// The sounds of given and family name in either order, and the town.
        SoundsAndTown = 7 "sounds_and_town",
        /// The sound of the family name, and the year of birth.
        FamilyAndBirthYear = 8 "family_and_birth_year",
        /// The given name and the date of birth.
        GivenAndBirthDate = 9 "given_and_birth_date",
        /// Postal code or town, street and house number.
        Address = 10 "address",
        /// The given name, street and house number.
        GivenAndStreet = 11 "given_and_street",
        /// The beginning of the firm's name, and the postal code.
        CompanyAndPostalCode = 12 "company_and_postal_code",
        /// The date of birth and the initials, in either order.
        InitialsAndBirthDate = 13 "initials_and_birth_date",
        /// The sound of the given name, and the postal code; made until both names had one kind.
        GivenAndPostalCode = 14 "given_and_postal_code",
        /// The date of birth and the town.
        BirthDateAndTown = 15 "birth_date_and_town",
    }
}

words! {
    /// Of which values the hub counts how often they occur: names, towns and days by records, what leads to somebody by people.
    TermKind, "kind of counted value" {
        /// A given name.
        GivenName = 1 "given_name",
        /// A family name.
        FamilyName = 2 "family_name",
        /// A town.
        Town = 3 "town",
        /// A postal code.
        PostalCode = 4 "postal_code",
        /// A building: postal code, street and house number.
        Building = 5 "building",
        /// A firm.
        Company = 6 "company",
        /// A mailbox.
        Mailbox = 7 "mailbox",
        /// A phone number.
        Phone = 8 "phone",
        /// A date of birth.
        BirthDate = 9 "birth_date",
        /// A handle.
        Handle = 10 "handle",
    }
}

impl TermKind {
    /// Does it lead to somebody, so that a customer with many orders holds it many times and is one all the same?
    pub(super) const fn is_contact(self) -> bool {
        matches!(self, Self::Mailbox | Self::Phone | Self::Handle | Self::Building)
    }
}
