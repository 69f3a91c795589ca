//! [`Fault`]: why a vendor could not be asked, in words for who runs the hub.

/// Why a call to a vendor failed. The text names hosts, statuses and the vendor's own codes, never a credential and never
/// anything of a reply but such a code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The address is none of those the manifest allows.
    #[error("the connector may not call `{0}`; its manifest allows other hosts only")]
    ForeignHost(String),
    /// The host lies in a private network and the operator did not allow it.
    #[error(
        "`{0}` lies in a private network; if that is where the vendor's system runs, allow it with --allow-private-host {0}"
    )]
    PrivateHost(String),
    /// Plain HTTP over a public network.
    #[error("`{0}` would be called without encryption; write https:// in its address")]
    Plain(String),
    /// An address that is none.
    #[error("{0} is no address the hub can call; write it like https://shop.example")]
    Address(String),
    /// The name is in no directory.
    #[error("there is no host `{0}`; check the address")]
    UnknownHost(String),
    /// Nobody answers there, or TLS fails.
    #[error("`{0}` cannot be reached, or its certificate is not valid")]
    Unreachable(String),
    /// It answered too slowly.
    #[error("`{0}` did not answer in time")]
    Timeout(String),
    /// The reply is larger than the manifest allows.
    #[error("the reply is larger than {0} MiB, which is the most this connector takes")]
    TooLarge(u32),
    /// The reply is cut off, or no JSON.
    #[error("the reply is cut off or is no JSON; check that the address is that of the vendor's interface")]
    Unreadable,
    /// 401, also with a fresh token.
    #[error("the vendor refuses the credentials; make new ones there and enter them here{}", said(.0))]
    Credentials(Option<String>),
    /// 403.
    #[error("the vendor accepts the credentials, but they lack a right this needs; see the connector's guide{}", said(.0))]
    Permission(Option<String>),
    /// 403 to a call that proves a right; which one, as the vendor calls it.
    #[error("the vendor accepts the credentials, but they lack the right to {0}; see the connector's guide{told}", told = said(.1))]
    Right(String, Option<String>),
    /// 404.
    #[error("the vendor knows no such address; check the address and the ids you entered{}", said(.0))]
    NotFound(Option<String>),
    /// The host sends callers elsewhere.
    #[error("`{0}` sends callers to another address; enter the final one")]
    Moved(String),
    /// Too many calls, for longer than the hub waits.
    #[error("the vendor allows no more calls for now; the next sync goes on where this one stopped")]
    Throttled,
    /// It failed several times in a row, and is left alone for a while.
    #[error("the vendor failed several times in a row and is left alone for a few minutes")]
    Resting,
    /// Any other refusal or failure of the vendor.
    #[error("the vendor answered with status {status}{}", said(.code))]
    Vendor {
        /// The HTTP status.
        status: u16,
        /// The vendor's code for it, if the manifest knows where it stands.
        code: Option<String>,
    },
    /// The reply has a good status and says that nothing was done.
    #[error("the vendor took the call and refused what it asks for{}", said(.0))]
    NotDone(Option<String>),
    /// The reply has a good status and is no page of what was asked for.
    #[error(
        "the vendor answered with a good status and sent no page of what it was asked for, so nothing counts as read; the next sync asks again{}",
        said(.0)
    )]
    NoPage(Option<String>),
    /// The reply is not what the manifest expects.
    #[error("this does not answer like the vendor; check the address")]
    NotTheVendor,
    /// Something is still to be done at the vendor; the manifest says what.
    #[error("{0}")]
    NotReady(String),
    /// The vendor hands out the same page again and again.
    #[error("the vendor names the same page as the next one again")]
    Repeats,
    /// The vendor said several times that the page is not valid any more.
    #[error("the vendor let the reading expire again and again")]
    Expired,
    /// A filter of the manifest failed or yielded something else than it must.
    #[error("the filter `{0}` of the manifest does not fit the reply")]
    Filter(String),
    /// The manifest's own words for what is missing or wrong.
    #[error("{0}")]
    Said(String),
    /// The parameter is missing or is not of its kind.
    #[error("the parameter `{name}` {wrong}")]
    Parameter {
        /// Its name.
        name: String,
        /// What is wrong with it.
        wrong: &'static str,
    },
    /// The connector has no section `connection`.
    #[error("the connector `{0}` reads files only; put them into its folder, or use `obhut import`")]
    FilesOnly(String),
    /// The folder of a source cannot be used.
    #[error("the folder {0}; the hub must be able to read and write there")]
    Folder(&'static str),
    /// No randomness, or no client could be built.
    #[error(
        "outgoing calls are not possible on this machine; are the certificates of the system there (ca-certificates)?"
    )]
    Machine,
    /// The vendor took a job in and did not carry it out.
    #[error("the vendor took it in and did not say that it carried it out; it is asked again")]
    Job,
    /// The vendor did not make the report, or not in time.
    #[error("the vendor did not make the report it was asked for; the next sync asks for another one")]
    Report,
    /// What the merchant brought back from the vendor is no code.
    #[error("{0}")]
    NoCode(&'static str),
    /// What the hub holds could not be looked up.
    #[error("the hub could not look up what it holds of the source")]
    Hub,
    /// What must be kept could not be.
    #[error("the new refresh token could not be kept")]
    Keep,
}

impl Fault {
    /// A stable word for it, for the sync history.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::ForeignHost(_) => "foreign_host",
            Self::PrivateHost(_) => "private_host",
            Self::Plain(_) => "not_encrypted",
            Self::Address(_) => "wrong_address",
            Self::UnknownHost(_) => "unknown_host",
            Self::Unreachable(_) => "unreachable",
            Self::Timeout(_) => "timeout",
            Self::TooLarge(_) => "reply_too_large",
            Self::Unreadable => "unreadable_reply",
            Self::Credentials(_) => "credentials_refused",
            Self::Permission(_) | Self::Right(..) => "permission_missing",
            Self::NotFound(_) => "not_found",
            Self::Moved(_) => "moved",
            Self::Throttled => "throttled",
            Self::Resting => "resting",
            Self::Vendor { .. } => "vendor_error",
            Self::NotDone(_) => "not_done",
            Self::NoPage(_) => "no_page",
            Self::NotTheVendor => "not_the_vendor",
            Self::NotReady(_) => "not_ready",
            Self::Repeats => "page_repeats",
            Self::Expired => "page_expired",
            Self::Filter(_) => "filter_failed",
            Self::Said(_) => "not_readable",
            Self::Parameter { .. } => "parameter_missing",
            Self::FilesOnly(_) => "files_only",
            Self::Folder(_) => "folder_unusable",
            Self::Machine => "machine",
            Self::Job => "job_failed",
            Self::Report => "report_failed",
            Self::NoCode(_) => "no_code",
            Self::Hub => "not_looked_up",
            Self::Keep => "not_kept",
        }
    }

    /// Is it a refusal of what was asked for, that will be the same tomorrow?
    pub(super) const fn lasts(&self) -> bool {
        match self {
            Self::NotFound(_) | Self::Report => true,
            Self::Vendor { status, .. } => *status >= 400 && *status < 500 && !self.passes(),
            _ => false,
        }
    }

    /// Is it about what was asked for, so that the vendor may well answer when it is asked for something else?
    #[must_use]
    pub const fn is_of_one_stream(&self) -> bool {
        matches!(
            self,
            Self::Permission(_)
                | Self::TooLarge(_)
                | Self::Unreadable
                | Self::NotDone(_)
                | Self::NoPage(_)
                | Self::NotReady(_)
                | Self::Repeats
                | Self::Expired
                | Self::Filter(_)
                | Self::Said(_)
        ) || self.lasts()
    }

    /// Does it say that the vendor answered, whatever it said?
    pub(super) const fn is_answer(&self) -> bool {
        matches!(self, Self::Credentials(_) | Self::Permission(_) | Self::NotFound(_) | Self::Throttled)
            || matches!(self, Self::Vendor { .. }) && !self.passes()
    }

    /// May the same call succeed in a moment?
    pub(super) const fn passes(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Timeout(_) | Self::Unreadable | Self::Throttled => true,
            Self::Vendor { status, .. } => matches!(status, 408 | 423 | 425 | 500 | 502 | 503 | 504 | 520..=524 | 529),
            _ => false,
        }
    }
}

fn said(code: &Option<String>) -> String {
    code.as_ref().map(|code| format!(" (it says `{code}`)")).unwrap_or_default()
}
