//! Files and folders, with the same words of what is wrong on every system. In WebAssembly the standard library does not
//! tell `/a` from `a`: so all of this crate goes through here.

use std::borrow::Cow;
use std::io::{Error, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The text of a file.
///
/// # Errors
/// Why it cannot be read, and which it is.
pub(super) fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(located(file)).map_err(|error| unreadable(file, &error))
}

/// The same; `-` is standard input.
///
/// # Errors
/// The same.
pub(super) fn read_or_input(file: &Path) -> Result<String, String> {
    if file.as_os_str() != "-" {
        return read(file);
    }
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    read.map(|_| text).map_err(|error| format!("cannot read standard input: {}", error.kind()))
}

/// What is in a folder.
///
/// # Errors
/// Why it cannot be read, and which it is.
pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error: Error| unreadable(folder, &error);
    let entries = std::fs::read_dir(located(folder)).map_err(failed)?;
    entries.map(|entry| Ok(folder.join(entry.map_err(failed)?.file_name()))).collect()
}

/// Whether there is such a file.
pub(super) fn exists(path: &Path) -> bool {
    located(path).is_file()
}

/// Whether it is a folder.
pub(super) fn is_folder(path: &Path) -> bool {
    located(path).is_dir()
}

/// The path for the standard library. In WebAssembly the program that runs this has the root of all files under a name of
/// its own (`ROOTS` in `packages/postern/bin/wasi.mjs`).
fn located(path: &Path) -> Cow<'_, Path> {
    match path.strip_prefix("/") {
        Ok(below) if cfg!(target_os = "wasi") => Cow::Owned(Path::new(":root").join(below)),
        _ => Cow::Borrowed(path),
    }
}

fn unreadable(path: &Path, error: &Error) -> String {
    let why = match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        ErrorKind::IsADirectory => "it is a folder".to_owned(),
        ErrorKind::InvalidData => "it is no text in UTF-8".to_owned(),
        other => other.to_string(),
    };
    format!("cannot read `{}`: {why}", path.display())
}
