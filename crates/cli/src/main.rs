//! The command line: `postern check`, `postern explain`, `postern policy` and `postern keys`.

fn main() -> std::process::ExitCode {
    use std::io::Write;

    let answer = postern_cli::run(std::env::args_os().skip(1));
    let written = std::io::stdout()
        .write_all(answer.out.as_bytes())
        .and_then(|()| std::io::stderr().write_all(answer.err.as_bytes()));
    // Whoever closed the pipe has seen enough; the exit code still tells.
    drop(written);
    std::process::ExitCode::from(answer.code)
}
