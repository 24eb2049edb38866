//! `accent` of `PAGES`: a colour of the deployment's, checked to be readable on our pages.

use serde_json::Value;

use super::problem::expected;
use super::table::Table;
use super::value::text;

const COLOUR: &str = "a colour such as `#0b6e4f`";
/// WCAG 2.2, 1.4.3 wants 4.5 of text to what is behind it; the rest is for the error of [`Colour::luminance`].
const READABLE: f32 = 4.6;
/// What a colour of ours is lightened to.
const COMFORTABLE: f32 = 6.0;
/// What is behind links and buttons in `style.css`: of the card and the ground around it, the one that makes reading harder.
const LIGHT: Colour = Colour([0xf4, 0xf5, 0xf7]);
const DARK: Colour = Colour([0x1a, 0x1f, 0x28]);
/// What stands on a button.
const INKS: [Colour; 2] = [Colour([0xff, 0xff, 0xff]), Colour([0x0d, 0x15, 0x26])];

/// The colour of links and buttons, in light and in dark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accent {
    light: Colour,
    dark: Colour,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Colour([u8; 3]);

impl Accent {
    /// The rules that put it in the place of our own colour.
    #[must_use]
    pub fn css(&self) -> String {
        let set =
            |colour: Colour| format!(":root{{--accent:{};--accent-ink:{}}}", colour.written(), colour.ink().written());
        format!("{}@media (prefers-color-scheme:dark){{{}}}", set(self.light), set(self.dark))
    }
}

/// Reads `accent`: one colour, or one for `light` and one for `dark`.
pub(super) fn read(table: &mut Table<'_>) -> Option<Accent> {
    if let Some(Value::Object(_)) = table.peek("accent") {
        let mut inner = table.table("accent")?;
        let light = inner.required("light", COLOUR, |value| readable(value, LIGHT));
        let dark = inner.required("dark", COLOUR, |value| readable(value, DARK));
        inner.finish();
        return Some(Accent { light: light?, dark: dark? });
    }
    let light = table.optional("accent", |value| readable(value, LIGHT))?;
    Some(Accent { light, dark: light.lightened() })
}

fn readable(value: &Value, behind: Colour) -> Result<Colour, String> {
    let text = text(value)?;
    let colour = Colour::parse(text).ok_or_else(|| expected(COLOUR, text))?;
    if colour.contrast(behind) >= READABLE {
        return Ok(colour);
    }
    let (kind, behind) = (if behind == LIGHT { "a darker" } else { "a lighter" }, behind.written());
    Err(expected(format!("{kind} colour: its contrast to `{behind}` is too low to be readable (WCAG 1.4.3)"), text))
}

impl Colour {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)?.to_be_bytes();
        Some(Self([red, green, blue]))
    }

    fn written(self) -> String {
        let Self([red, green, blue]) = self;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// Relative luminance (WCAG 2.2), by a polynomial in place of the power: the difference is in the third digit.
    fn luminance(self) -> f32 {
        let linear = |part: u8| {
            let part = f32::from(part) / 255.0;
            part * (part * (part * 0.305_306 + 0.682_171) + 0.012_523)
        };
        let Self([red, green, blue]) = self;
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    fn contrast(self, other: Self) -> f32 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// The more readable text on it.
    fn ink(self) -> Self {
        let [white, black] = INKS;
        if self.contrast(white) >= self.contrast(black) { white } else { black }
    }

    /// With as much white as it takes to be readable in the dark.
    fn lightened(self) -> Self {
        let mixed = |sixteenths: u16| {
            let Self(parts) = self;
            // At most 255: white has no more.
            Self(parts.map(|part| {
                let sum = u16::from(part) * (16 - sixteenths) + 255 * sixteenths;
                u8::try_from(sum / 16).unwrap_or(u8::MAX)
            }))
        };
        (0..=16).map(mixed).find(|colour| colour.contrast(DARK) >= COMFORTABLE).unwrap_or(LIGHT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(text: &str) -> Colour {
        Colour::parse(text).unwrap()
    }

    #[test]
    fn contrast_is_what_wcag_says() {
        for (one, other, expected) in [
            ("#000000", "#ffffff", 21.0),
            ("#ffffff", "#ffffff", 1.0),
            ("#777777", "#ffffff", 4.48),
            ("#1d4ed8", "#ffffff", 6.70),
            ("#0b6e4f", "#ffffff", 6.26),
        ] {
            let contrast = colour(one).contrast(colour(other));
            assert!((contrast - expected).abs() < 0.06 * expected / 4.5, "{one} on {other}: {contrast}");
        }
    }

    #[test]
    fn every_colour_has_a_light_shade_and_an_ink_that_are_readable() {
        for text in ["#000000", "#0b6e4f", "#7a0019", "#1d4ed8", "#00007f", "#6b6b6b"] {
            let accent = Accent { light: colour(text), dark: colour(text).lightened() };
            assert!(accent.dark.contrast(DARK) >= READABLE, "{text}");
            for shade in [accent.light, accent.dark] {
                assert!(shade.ink().contrast(shade) >= READABLE, "{text}");
            }
        }
        assert_eq!(
            Accent { light: colour("#0B6E4F"), dark: colour("#7ddf9f") }.css(),
            ":root{--accent:#0b6e4f;--accent-ink:#ffffff}@media (prefers-color-scheme:dark){:root{--accent:#7ddf9f;--accent-ink:#0d1526}}"
        );
    }

    #[test]
    fn only_six_digits_are_a_colour() {
        for bad in ["", "#", "#fff", "0b6e4f", "#0b6e4", "#0b6e4g", "#+b6e4f", "green", "#0b6e4f;}", "#0b6e4f80"] {
            assert_eq!(Colour::parse(bad), None, "{bad}");
        }
    }
}
