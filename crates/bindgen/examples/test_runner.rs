//! `test_runner MODULE.wasm`: runs the Rust tests of a WebAssembly module in Node. cargo calls it
//! (`CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER`). It is wasm-bindgen's own, in the version of this workspace.

use std::process::ExitCode;

use wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args;

fn main() -> ExitCode {
    match run_cli_with_args(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
