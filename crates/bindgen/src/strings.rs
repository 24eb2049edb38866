//! How texts get into the module's memory. The glue of wasm-bindgen looks at each unit of a text by itself, in case it is not ASCII.

/// Where its function for texts begins, whatever comes before.
const BEGINNING: &str =
    "    let len = arg.length;\n    let ptr = malloc(len, 1) >>> 0;\n\n    const mem = getUint8ArrayMemory0();\n";

/// A text that is longer is copied at once.
const SHORT: usize = 24;

/// The glue, with long texts copied at once. A module that takes no texts has no such function.
///
/// # Errors
/// When the function is another than this version of wasm-bindgen writes.
pub(crate) fn copied_at_once(glue: &str) -> Result<String, String> {
    if !glue.contains("function passStringToWasm0(") {
        return Ok(glue.to_owned());
    }
    match glue.matches(BEGINNING).count() {
        1 => {
            let first =
                format!("    if (arg.length > {SHORT}) return passLongString(arg, malloc, realloc);\n\n{BEGINNING}");
            Ok(glue.replace(BEGINNING, &first) + include_str!("pass_long_string.js"))
        }
        found => Err(format!("wasm-bindgen writes another function for texts: its beginning is there {found} times")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_function_that_is_known_is_changed() {
        let glue = format!("function passStringToWasm0(arg, malloc, realloc) {{\n{BEGINNING}}}\n");
        let changed = copied_at_once(&glue).unwrap();
        assert!(changed.contains("if (arg.length > 24) return passLongString(arg, malloc, realloc);\n\n    let len"));
        assert!(changed.ends_with(include_str!("pass_long_string.js")));
        assert_eq!(copied_at_once("export function enter() {}").unwrap(), "export function enter() {}");
        for other in [glue.replace("malloc(len, 1)", "malloc(len)"), format!("{glue}{glue}")] {
            assert!(copied_at_once(&other).unwrap_err().contains("another function"), "{other}");
        }
    }
}
