//! Files and folders, with the same words of what is wrong on every system. In WebAssembly the standard library does not
//! tell `/a` from `a`: so all of this crate goes through here.

use std::borrow::Cow;
use std::io::{Error, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// More than any file that is read, and less than fills the memory.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The text of a file.
///
/// # Errors
/// Why it cannot be read, and which it is.
pub(super) fn read(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    let opened = std::fs::File::open(located(file));
    let read = opened.and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text));
    match read {
        Ok(read) if read as u64 > MAX_BYTES => Err(format!("cannot read `{}`: it is too large", file.display())),
        Ok(_) => Ok(text),
        Err(error) => Err(unreadable(file, &error)),
    }
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
    match std::io::stdin().take(MAX_BYTES + 1).read_to_string(&mut text) {
        Ok(read) if read as u64 > MAX_BYTES => Err("cannot read standard input: it is too large".to_owned()),
        Ok(_) => Ok(text),
        Err(error) => Err(format!("cannot read standard input: {}", error.kind())),
    }
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
