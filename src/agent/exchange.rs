//! A token of an agent's → one that may do less: for another client, or for one task (RFC 8693; R-323…R-326).
//!
//! It only ever gets narrower: in what it may do, in how long, never in where. Who acts is said by whoever authenticated, never by
//! the request.

use crate::oidc::token::scope_values;
use crate::time::{Seconds, Timestamp};

/// `grant_type` of the request (RFC 8693 §2.1).
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// What a token is that goes in, and one that comes out (RFC 8693 §3).
pub const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The longest life of a token for one task.
pub const LONGEST_TASK: Seconds = Seconds::minutes(15);
/// The most requests that one is good for.
pub const MOST_USES: u32 = 100;
/// The longest name of a task, in characters.
const MAX_TASK_CHARS: usize = 200;
/// The longest token that is looked at.
const MAX_TOKEN_BYTES: usize = 512;
/// The longest address of a resource that is looked at.
const MAX_RESOURCE_BYTES: usize = 1024;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeRequest<'a> {
    /// The token whose rights it wants part of.
    pub subject_token: &'a str,
    /// `resource`, where it is said.
    pub resource: Option<&'a str>,
    /// `scope`, where it is said.
    pub scopes: Option<Vec<String>>,
    /// The task that the token is for.
    pub task: Option<TaskTerms>,
}

/// What a token is for, and for how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskTerms {
    /// In the client's words.
    pub name: String,
    /// `uses`: for how many requests; `None`: for as many as there are.
    pub uses: Option<u32>,
    /// `expires`: for how long, in seconds.
    pub life: Option<Seconds>,
}

/// Why nothing is exchanged, with the error that the client reads (RFC 6749 §5.2, RFC 8693 §2.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeError {
    /// A parameter is missing, is there where it has no place, or cannot be read; its name.
    Malformed(&'static str),
    /// It asks for another resource than the token is for.
    OtherResource,
    /// It asks for scopes that the token has not.
    TooMuch,
    /// The token is none of ours, or counts no more.
    TokenRefused,
    /// The client may not have what was given to another one.
    NotForClient,
    /// So many already act for one another.
    TooManyActors,
    /// The token is for one task alone.
    OfTask,
    /// So many tokens were exchanged for this one that no more are.
    TooMany,
}

impl ExchangeError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed(_) => "exchange.malformed",
            Self::OtherResource => "exchange.other_resource",
            Self::TooMuch => "exchange.too_much",
            Self::TokenRefused => "exchange.token_refused",
            Self::NotForClient => "exchange.not_for_client",
            Self::TooManyActors => "exchange.too_many_actors",
            Self::OfTask => "exchange.of_task",
            Self::TooMany => "exchange.too_many",
        }
    }

    /// `error` of the answer.
    #[must_use]
    pub const fn error(self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::TokenRefused | Self::TooManyActors | Self::OfTask | Self::TooMany => {
                "invalid_request"
            }
            Self::OtherResource => "invalid_target",
            Self::TooMuch => "invalid_scope",
            Self::NotForClient => "unauthorized_client",
        }
    }
}

impl<'a> ExchangeRequest<'a> {
    /// Reads the parameters of a token request, each of which is there at most once.
    ///
    /// # Errors
    /// When one is missing, or has no place here.
    pub fn read(parameter: impl Fn(&str) -> Option<&'a str>) -> Result<Self, ExchangeError> {
        let malformed = |name| Err(ExchangeError::Malformed(name));
        let subject_token = parameter("subject_token").filter(|token| token.len() <= MAX_TOKEN_BYTES);
        let subject_token = subject_token.ok_or(ExchangeError::Malformed("subject_token"))?;
        if parameter("subject_token_type") != Some(ACCESS_TOKEN_TYPE) {
            return malformed("subject_token_type");
        }
        if parameter("requested_token_type").is_some_and(|wanted| wanted != ACCESS_TOKEN_TYPE) {
            return malformed("requested_token_type");
        }
        // Who acts is the client that authenticated.
        for name in ["actor_token", "actor_token_type"] {
            if parameter(name).is_some() {
                return malformed(name);
            }
        }
        // Resources are named by their addresses here.
        if parameter("audience").is_some() {
            return Err(ExchangeError::OtherResource);
        }
        let scopes = parameter("scope").map(scope_values);
        if scopes.as_ref().is_some_and(Vec::is_empty) {
            return malformed("scope");
        }
        let resource = parameter("resource");
        if resource.is_some_and(|resource| resource.len() > MAX_RESOURCE_BYTES) {
            return Err(ExchangeError::OtherResource);
        }
        Ok(Self { subject_token, resource, scopes, task: TaskTerms::read(parameter)? })
    }
}

impl TaskTerms {
    fn read<'a>(parameter: impl Fn(&str) -> Option<&'a str>) -> Result<Option<Self>, ExchangeError> {
        let number = |name, most: u32| match parameter(name) {
            None => Ok(None),
            Some(text) => {
                let digits = text.bytes().all(|byte| byte.is_ascii_digit());
                let number = text.parse().ok().filter(|number| digits && (1..=most).contains(number));
                number.map(Some).ok_or(ExchangeError::Malformed(name))
            }
        };
        let uses = number("uses", MOST_USES)?;
        let life = number("expires", LONGEST_TASK.get())?.map(Seconds::new);
        match parameter("task") {
            Some(name) if is_task(name) => Ok(Some(Self { name: name.to_owned(), uses, life })),
            None if uses.is_none() && life.is_none() => Ok(None),
            _ => Err(ExchangeError::Malformed("task")),
        }
    }
}

fn is_task(name: &str) -> bool {
    (1..=MAX_TASK_CHARS).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

/// The token that is there.
#[derive(Clone, Copy, Debug)]
pub struct Parent<'a> {
    /// What it is for.
    pub resource: &'a str,
    /// What it may do.
    pub scopes: &'a [String],
    /// How many act one for another, its client included.
    pub actors: usize,
    /// Whether it is for one task.
    pub is_of_task: bool,
    /// When it ends.
    pub ends_at: Timestamp,
}

/// What the token may do that is given for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrowed {
    /// Its scopes.
    pub scopes: Vec<String>,
    /// When it ends.
    pub ends_at: Timestamp,
}

/// What is given for a token.
///
/// # Errors
/// When it would be more than the token itself may do, or more than `max_actors` acted for one another.
pub fn narrow(
    request: &ExchangeRequest<'_>,
    parent: Parent<'_>,
    max_actors: usize,
    (now, longest): (Timestamp, Seconds),
) -> Result<Narrowed, ExchangeError> {
    if parent.is_of_task {
        return Err(ExchangeError::OfTask);
    }
    if parent.actors >= max_actors {
        return Err(ExchangeError::TooManyActors);
    }
    if request.resource.is_some_and(|resource| resource != parent.resource) {
        return Err(ExchangeError::OtherResource);
    }
    let scopes = match &request.scopes {
        None => parent.scopes.to_vec(),
        Some(wanted) if wanted.iter().all(|scope| parent.scopes.contains(scope)) => wanted.clone(),
        Some(_) => return Err(ExchangeError::TooMuch),
    };
    let life = match &request.task {
        None => longest,
        Some(task) => task.life.unwrap_or(LONGEST_TASK),
    };
    Ok(Narrowed { scopes, ends_at: now.plus(life).min(parent.ends_at) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
    const ACCESS: Seconds = Seconds::minutes(10);

    fn read(changes: &[(&str, Option<&'static str>)]) -> Result<ExchangeRequest<'static>, ExchangeError> {
        let plain = [("subject_token", "t"), ("subject_token_type", ACCESS_TOKEN_TYPE)];
        ExchangeRequest::read(|name| match changes.iter().find(|(changed, _)| *changed == name) {
            Some((_, value)) => *value,
            None => plain.iter().find(|(known, _)| *known == name).map(|(_, value)| *value),
        })
    }

    fn narrowed(request: &ExchangeRequest<'_>, parent: Parent<'_>) -> Result<Narrowed, ExchangeError> {
        narrow(request, parent, 4, (NOW, ACCESS))
    }

    fn parent(scopes: &[String]) -> Parent<'_> {
        let ends_at = NOW.plus(Seconds::minutes(20));
        Parent { resource: "https://app.example/mcp", scopes, actors: 1, is_of_task: false, ends_at }
    }

    #[test]
    fn a_request_names_a_token_and_nobody_who_acts() {
        //
        assert!(read(&[]).is_ok());
        assert!(read(&[("requested_token_type", Some(ACCESS_TOKEN_TYPE))]).is_ok());
        for (name, value) in [
            ("subject_token", None),
            ("subject_token_type", None),
            ("subject_token_type", Some("urn:ietf:params:oauth:token-type:id_token")),
            ("subject_token_type", Some("urn:ietf:params:oauth:token-type:refresh_token")),
            ("requested_token_type", Some("urn:ietf:params:oauth:token-type:refresh_token")),
            ("actor_token", Some("x")),
            ("actor_token_type", Some(ACCESS_TOKEN_TYPE)),
            ("scope", Some(" ")),
        ] {
            assert_eq!(read(&[(name, value)]), Err(ExchangeError::Malformed(name)), "{name}");
        }
        assert_eq!(read(&[("audience", Some("https://app.example"))]), Err(ExchangeError::OtherResource));
    }

    #[test]
    fn a_task_has_a_name_and_bounds() {
        //
        let task = |changes: &[_]| read(changes).map(|request| request.task);
        let all = [("task", Some("Book a room")), ("uses", Some("3")), ("expires", Some("60"))];
        let expected = TaskTerms { name: "Book a room".to_owned(), uses: Some(3), life: Some(Seconds::new(60)) };
        assert_eq!(task(&all), Ok(Some(expected)));
        assert_eq!(task(&[]), Ok(None));
        for (name, value) in [
            ("uses", "0"),
            ("uses", "101"),
            ("uses", "+1"),
            ("uses", "1.5"),
            ("uses", ""),
            ("expires", "0"),
            ("expires", "901"),
            ("expires", "99999999999"),
        ] {
            let malformed = Err(ExchangeError::Malformed(name));
            assert_eq!(task(&[("task", Some("x")), (name, Some(value))]), malformed, "{name} {value}");
        }
        let malformed = Err(ExchangeError::Malformed("task"));
        assert_eq!(task(&[("uses", Some("1"))]), malformed);
        assert_eq!(task(&[("expires", Some("1"))]), malformed);
        for name in ["", "a\nb", "\u{7f}"] {
            assert_eq!(task(&[("task", Some(name))]), malformed, "{name:?}");
        }
        let (long, longer) = ("é".repeat(200).leak(), "é".repeat(201).leak());
        assert!(task(&[("task", Some(long))]).is_ok());
        assert_eq!(task(&[("task", Some(longer))]), malformed);
    }

    #[test]
    fn what_is_given_is_never_more() {
        //
        let scopes = ["a".to_owned(), "b".to_owned()];
        let of = |changes: &[_]| narrowed(&read(changes).unwrap(), parent(&scopes));
        assert_eq!(of(&[]), Ok(Narrowed { scopes: scopes.to_vec(), ends_at: NOW.plus(ACCESS) }));
        assert_eq!(of(&[("scope", Some("b"))]).unwrap().scopes, ["b"]);
        assert_eq!(of(&[("scope", Some("b c"))]), Err(ExchangeError::TooMuch));
        assert!(of(&[("resource", Some("https://app.example/mcp"))]).is_ok());
        for other in ["https://app.example/mcp/", "https://app.example/other", "https://evil.example/mcp", ""] {
            assert_eq!(of(&[("resource", Some(other))]), Err(ExchangeError::OtherResource), "{other}");
        }
        let short = Parent { ends_at: NOW.plus(Seconds::new(5)), ..parent(&scopes) };
        let task = [("task", Some("x")), ("expires", Some("900"))];
        for changes in [&[][..], &task] {
            assert_eq!(narrowed(&read(changes).unwrap(), short).unwrap().ends_at, short.ends_at);
        }
        assert_eq!(of(&task).unwrap().ends_at, NOW.plus(LONGEST_TASK));
        assert_eq!(of(&[("task", Some("x")), ("expires", Some("30"))]).unwrap().ends_at, NOW.plus(Seconds::new(30)));
    }

    #[test]
    fn the_chain_is_short_and_a_task_is_the_end_of_it() {
        //
        let scopes = ["a".to_owned()];
        let with = |actors| narrowed(&read(&[]).unwrap(), Parent { actors, ..parent(&scopes) });
        assert!(with(3).is_ok());
        assert_eq!(with(4), Err(ExchangeError::TooManyActors));
        let of_task = Parent { is_of_task: true, ..parent(&scopes) };
        assert_eq!(narrowed(&read(&[]).unwrap(), of_task), Err(ExchangeError::OfTask));
    }
}
