//! Reading a body up to a limit.

use js_sys::Uint8Array;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, ReadableStreamDefaultReader};

use crate::js::{Exception, property};

/// Why a body was not read.
#[derive(Debug)]
pub enum ReadError {
    /// Longer than allowed; the rest was not fetched.
    TooLarge,
    /// It broke off.
    Broken(Exception),
}

impl From<Exception> for ReadError {
    fn from(exception: Exception) -> Self {
        Self::Broken(exception)
    }
}

/// The whole body, if it is at most `max_bytes` long. No body is an empty one.
///
/// # Errors
/// When it is longer, breaks off, was read before, or carries anything but bytes.
pub async fn read(stream: Option<ReadableStream>, max_bytes: usize) -> Result<Vec<u8>, ReadError> {
    let Some(stream) = stream else { return Ok(Vec::new()) };
    let reader = ReadableStreamDefaultReader::new(&stream).map_err(Exception::from)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = next(&reader).await? {
        // What does not fit is never copied.
        if bytes.len().saturating_add(chunk.length() as usize) > max_bytes {
            // Not awaited: a source that refuses to stop must not hold us up.
            drop(JsFuture::from(reader.cancel()));
            return Err(ReadError::TooLarge);
        }
        bytes.extend_from_slice(&chunk.to_vec());
    }
    Ok(bytes)
}

async fn next(reader: &ReadableStreamDefaultReader) -> Result<Option<Uint8Array>, Exception> {
    let step = JsFuture::from(reader.read()).await?;
    if property(&step, "done")?.is_truthy() {
        return Ok(None);
    }
    let chunk = property(&step, "value")?;
    chunk.dyn_into().map(Some).map_err(|_| Exception::new("a body chunk is not bytes"))
}
