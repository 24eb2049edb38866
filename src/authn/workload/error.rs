//! Why the token of a program is refused.

/// The check that it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadError {
    /// Its header has a member that an SVID must not have.
    HeaderRefused,
    /// `typ` says that it is another kind of token.
    TypRefused,
    /// It has a claim that only another kind of token has.
    KindRefused,
    /// It came by another scheme than `Bearer`, or not in the header of its platform.
    SchemeRefused,
    /// `iss` is not the issuer.
    IssMismatch,
    /// `sub` is an id of another trust domain.
    TrustDomainMismatch,
    /// The key that verified it is for the tokens of another issuer.
    KeyIssuerMismatch,
    /// `aud` is missing, empty, or neither a string nor an array of strings.
    AudMalformed,
    /// `aud` holds something other than our audience.
    AudMismatch,
    /// `exp` is missing or no time.
    ExpMalformed,
    /// Past `exp`.
    Expired,
    /// `exp` is later than `max_life` allows.
    ExpTooLate,
    /// `iat` is no time.
    IatMalformed,
    /// `iat` is in the future.
    IatInFuture,
    /// `nbf` is no time.
    NbfMalformed,
    /// Before `nbf`.
    NotYetValid,
    /// `sub` is missing, no string, empty, longer than 255 characters, or not ASCII; for a trust domain no SPIFFE ID.
    SubMalformed,
    /// The claim with the id that names the program is missing, or no id.
    IdMalformed,
    /// `common_name` is missing or no Client ID of a service token, where `sub` is empty.
    CommonNameMalformed,
    /// It is a person's.
    Person,
    /// It is bound to a key or certificate, and nothing here checks that.
    Bound,
    /// No rule of `trust` takes it.
    Untrusted,
}

impl WorkloadError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::HeaderRefused => "workload.header_refused",
            Self::TypRefused => "workload.typ_refused",
            Self::KindRefused => "workload.kind_refused",
            Self::SchemeRefused => "workload.scheme_refused",
            Self::IssMismatch => "workload.iss_mismatch",
            Self::TrustDomainMismatch => "workload.trust_domain_mismatch",
            Self::KeyIssuerMismatch => "workload.key_issuer_mismatch",
            Self::AudMalformed => "workload.aud_malformed",
            Self::AudMismatch => "workload.aud_mismatch",
            Self::ExpMalformed => "workload.exp_malformed",
            Self::Expired => "workload.expired",
            Self::ExpTooLate => "workload.exp_too_late",
            Self::IatMalformed => "workload.iat_malformed",
            Self::IatInFuture => "workload.iat_in_future",
            Self::NbfMalformed => "workload.nbf_malformed",
            Self::NotYetValid => "workload.not_yet_valid",
            Self::SubMalformed => "workload.sub_malformed",
            Self::IdMalformed => "workload.id_malformed",
            Self::CommonNameMalformed => "workload.common_name_malformed",
            Self::Person => "workload.person",
            Self::Bound => "workload.bound",
            Self::Untrusted => "workload.untrusted",
        }
    }
}
