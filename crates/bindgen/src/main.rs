//! `postern-bindgen INPUT.wasm FOLDER`: writes `index_bg.wasm` and its JavaScript glue, `index_bg.js`, into the folder.
//!
//! The glue is that of wasm-bindgen's target `bundler`: it does not instantiate the module by itself, so the caller
//! can do that as often as it likes (`__wbg_set_wasm`).

mod order;
mod strings;

use std::path::Path;
use std::process::ExitCode;

use wasm_bindgen_cli_support::{Bindgen, EncodeInto};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, folder] = arguments.as_slice() else {
        eprintln!("usage: postern-bindgen INPUT.wasm FOLDER");
        return ExitCode::from(2);
    };
    match generate(input, folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{input}: {message}");
            ExitCode::FAILURE
        }
    }
}

fn generate(input: &str, folder: &str) -> Result<(), String> {
    let mut bindgen = Bindgen::new();
    bindgen.bundler(true).map_err(|error| format!("{error:#}"))?;
    bindgen.input_path(input).out_name("index").typescript(false).encode_into(EncodeInto::Always);
    // Names of functions are a tenth of the upload. A panic tells its file and line without them.
    bindgen.remove_name_section(true).remove_producers_section(true);
    bindgen.generate(folder).map_err(|error| format!("{error:#}"))?;
    let module = Path::new(folder).join("index_bg.wasm");
    let unordered = std::fs::read(&module).map_err(|error| error.to_string())?;
    let ordered = order::ordered(&unordered).map_err(|error| error.to_string())?;
    std::fs::write(&module, ordered).map_err(|error| error.to_string())?;
    let glue = Path::new(folder).join("index_bg.js");
    let looping = std::fs::read_to_string(&glue).map_err(|error| error.to_string())?;
    std::fs::write(&glue, strings::copied_at_once(&looping)?).map_err(|error| error.to_string())
}
