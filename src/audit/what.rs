//! The kinds of events, by their names.

use serde::Serialize;

/// What happened. The variant's name is the event's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum What {
    /// A request for a route, decided by the two doors.
    #[default]
    #[serde(rename = "access")]
    Access,
    /// A login begins (or the chooser is shown).
    #[serde(rename = "login.start")]
    LoginStart,
    /// A provider's answer to a login.
    #[serde(rename = "login.finish")]
    LoginFinish,
    /// The caller asks who they are.
    #[serde(rename = "session.read")]
    SessionRead,
    /// An access token is refreshed, by the subject's object.
    #[serde(rename = "session.refresh")]
    SessionRefresh,
    /// A refresh token is revoked at the provider, by the subject's object.
    #[serde(rename = "token.revoke")]
    TokenRevoke,
    /// A session ends by logout.
    #[serde(rename = "logout")]
    Logout,
    /// A person looks at their sessions.
    #[serde(rename = "session.list")]
    SessionList,
    /// A person ends one of their sessions.
    #[serde(rename = "session.end")]
    SessionEnd,
    /// A person ends all their sessions but the one at hand.
    #[serde(rename = "session.end_others")]
    SessionEndOthers,
    /// A browser binds its session to its device, or tries to.
    #[serde(rename = "session.device_bound")]
    DeviceBound,
    /// Somebody has a session that is bound to another device, by what they show.
    #[serde(rename = "session.device_mismatch")]
    DeviceMismatch,
    /// A person looks at their API keys.
    #[serde(rename = "key.list")]
    KeyList,
    /// A person makes a key.
    #[serde(rename = "key.made")]
    KeyMade,
    /// A person gives a key another secret.
    #[serde(rename = "key.rotated")]
    KeyRotated,
    /// A person deletes a key.
    #[serde(rename = "key.revoked")]
    KeyRevoked,
    /// A person ends the secret before a rotation.
    #[serde(rename = "key.old_secret_ended")]
    KeyOldSecretEnded,
    /// A key was found where anybody can read it.
    #[serde(rename = "key.leaked")]
    KeyLeaked,
    /// A person looks at their second factors.
    #[serde(rename = "factor.list")]
    FactorList,
    /// A person begins to add one: nothing is there yet.
    #[serde(rename = "factor.begun")]
    FactorBegun,
    /// A person adds one.
    #[serde(rename = "factor.enrolled")]
    FactorEnrolled,
    /// A person takes one away.
    #[serde(rename = "factor.removed")]
    FactorRemoved,
    /// A person calls one otherwise.
    #[serde(rename = "factor.renamed")]
    FactorRenamed,
    /// A person is asked to prove one.
    #[serde(rename = "factor.asked")]
    FactorAsked,
    /// A person proves one.
    #[serde(rename = "factor.used")]
    FactorUsed,
    /// What was presented is no proof …
    #[serde(rename = "factor.failed")]
    FactorFailed,
    /// … and it was one time too many.
    #[serde(rename = "factor.locked")]
    FactorLocked,
    /// What was presented may come from a copy of a passkey: its counter does not go on.
    #[serde(rename = "factor.cloned")]
    FactorCloned,
    /// A service is told what became of somebody's factors.
    #[serde(rename = "factor.notice")]
    FactorNotice,
    /// A recovery code is used.
    #[serde(rename = "recovery.used")]
    RecoveryUsed,
    /// A person makes new recovery codes.
    #[serde(rename = "recovery.made")]
    RecoveryMade,
    /// A person looks at the calls that they may allow.
    #[serde(rename = "approval.list")]
    ApprovalList,
    /// Somebody looks at one of them, or at its receipt.
    #[serde(rename = "approval.read")]
    ApprovalRead,
    /// Somebody allows a call of an agent, once.
    #[serde(rename = "approval.given")]
    ApprovalGiven,
    /// Somebody does not.
    #[serde(rename = "approval.denied")]
    ApprovalDenied,
    /// GitHub tells which keys it found.
    #[serde(rename = "leak_report")]
    LeakReport,
    /// Management; `action` says what.
    #[serde(rename = "admin")]
    Admin,
    /// A provider tells that it ended a session.
    #[serde(rename = "logout.backchannel")]
    BackchannelLogout,
    /// A provider ends all that a person has here.
    #[serde(rename = "revocation.global")]
    GlobalRevocation,
    /// A frame of a provider's page tells that it ended a session.
    #[serde(rename = "logout.frontchannel")]
    FrontchannelLogout,
    /// What an issuer publishes, its metadata or keys, changed or could not be fetched.
    #[serde(rename = "document.fetch")]
    DocumentFetch,
    /// A service asks what somebody may do.
    #[serde(rename = "evaluation")]
    Evaluation,
    /// A service writes or reads tuples; `action` says what.
    #[serde(rename = "sharing")]
    Sharing,
    /// Another version of the policies counts here, or what is published could not be had.
    #[serde(rename = "policy.pull")]
    PolicyPull,
    /// A key was used by the secret that was replaced, though the new one is in use.
    #[serde(rename = "key.superseded")]
    KeySuperseded,
    /// A key expires soon, or has expired; told by its object.
    #[serde(rename = "key.expiry")]
    KeyExpiry,
    /// The use of a key could not be noted.
    #[serde(rename = "key.use")]
    KeyUse,
    /// A person is asked, or has allowed, that a program acts for them …
    #[serde(rename = "agent.consent")]
    AgentConsent,
    /// … or has not, or could not be asked.
    #[serde(rename = "agent.refused")]
    AgentRefused,
    /// A program asks for its first token of a grant.
    #[serde(rename = "agent.token")]
    AgentToken,
    /// It asks for the next.
    #[serde(rename = "agent.refresh")]
    AgentRefresh,
    /// An agent gets a token for one that it, or another agent, has.
    #[serde(rename = "agent.exchange")]
    AgentExchange,
    /// A code or refresh token was used once more, by another than the one whose it is: its grant has ended by that.
    #[serde(rename = "agent.reuse")]
    AgentReuse,
    /// A program gives a grant back.
    #[serde(rename = "agent.revoked")]
    AgentRevoked,
    /// A program registers.
    #[serde(rename = "agent.registered")]
    AgentRegistered,
    /// A token of our own came, for the entry of `SERVICES` that `service` names …
    #[serde(rename = "service_token.fetched")]
    ServiceTokenFetched,
    /// … or did not.
    #[serde(rename = "service_token.failed")]
    ServiceTokenFailed,
    /// A page or endpoint of ours that decides nothing.
    #[serde(rename = "own")]
    Own,
}
