//! Annotations of a `forbid` → what sign-in would satisfy it (RFC 9470).

use cedar_policy::{Effect, Policy};
use postern::policy::PolicyStepUp;

/// Reads the annotations of a policy; `None` when it has none of them.
///
/// # Errors
/// When one has no such form, or stands where it means nothing.
pub(super) fn read(policy: &Policy) -> Result<Option<PolicyStepUp>, String> {
    let (acr_values, max_age) = (annotation(policy, "acr_values"), annotation(policy, "max_age"));
    let second = annotation(policy, "second");
    if acr_values.is_none() && max_age.is_none() && second.is_none() {
        return Ok(None);
    }
    if policy.effect() == Effect::Permit {
        let message =
            "`@acr_values`, `@max_age` and `@second` are for a `forbid`, which another sign-in or proof would satisfy";
        return Err(message.to_owned());
    }
    let acr_values: Vec<String> =
        acr_values.map(|text| text.split(' ').map(str::to_owned).collect()).unwrap_or_default();
    if acr_values.iter().any(|value| !is_acr(value)) {
        return Err("expected values of `acr` with a space between them in `@acr_values`".to_owned());
    }
    let max_age = max_age.map(|text| text.parse().map_err(|_| "expected seconds in `@max_age`")).transpose()?;
    let second = second.map(|text| seconds(text).ok_or("expected seconds, at least 60, in `@second`")).transpose()?;
    Ok(Some(PolicyStepUp { acr_values, max_age, second }))
}

/// Less would be over before the person is back from proving it.
fn seconds(text: &str) -> Option<u32> {
    text.parse().ok().filter(|seconds| *seconds >= 60)
}

/// An annotation of a policy. Cedar's own way to one parses its name every time, which takes as long as half a policy does.
pub(super) fn annotation<'a>(policy: &'a Policy, name: &str) -> Option<&'a str> {
    policy.annotations().find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// What can stand in a quoted parameter of a challenge as it is.
fn is_acr(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}
