//! The command line, as plain functions from arguments to an [`Answer`].

mod abilities;
mod agents;
mod api_keys;
mod catalogue;
mod certificates;
mod check;
mod configuration;
mod decisions;
mod dev_vars;
mod files;
mod in_vain;
mod keys;
mod mistakes;
mod online;
mod policy;
mod preset;
mod report;
mod rules;
mod second;
mod source;
mod stand_in;
mod summary;
mod warnings;
mod workloads;
mod wrangler;

use std::ffi::OsString;

use lexopt::{Arg, Parser};

const USAGE: &str = "\
Usage:
  postern check [--config FILE] [--file FILE|none] [--env NAME] [--secrets FILE|none] [--site ID] [--policies DIR]…
                [--decisions FILE]… [--online] [--json]
      Reads the configuration the Worker would run with and tells everything that is wrong with it.
      --config   the file; when left out, the one that wrangler takes: `wrangler.json`, `wrangler.jsonc` or
                 `wrangler.toml`, in this folder or above it
      --file     the variables that are bundled with the Worker; when left out, `postern.toml`, `postern.jsonc` or
                 `postern.json` beside the file, if there is one; `none` for none
      --env      the environment in it, as for wrangler
      --secrets  a file of `NAME=value` lines; `none` to take secrets for set elsewhere and list them.
                 When left out: `.dev.vars.NAME` or, without --env, `.dev.vars`, if there is one.
      --decisions  a file of requests and what is to be decided about them; may stand several times
      --online   also asks each provider and issuer for its metadata and keys, and tells what will not work with them
      --json     the answer for programs, as docs/reference/command-line.md says
      --site     of several sites, the one that is asked
      --policies  policies in Cedar, for routes that ask them: a file or a folder; may stand several times
  postern check --preset NAME
      Shows what `preset = \"NAME\"` in a provider's table asks for and sets, and what to do at the provider.
  postern explain [--config FILE] [--file FILE|none] [--env NAME] [--secrets FILE|none] [--site ID]
                  [--policies DIR]… --who WHO [--context CONTEXT] [--relations FILE] REQUEST
      Tells what would be decided about a request such as `GET /orders/7`, by which rule, and why.
      --who      who asks, as in a file of decisions: '{\"provider\": \"corp\", \"claims\": {…}}'; or `nobody`
      --context  when and from where, for policies: '{\"time\": \"2026-11-23T10:00:00Z\", \"address\": \"192.0.2.1\"}'
      --relations  the tuples that there are, as a list in JSON; none when left out
  postern policy check|explain|pack|schema …
      Checks, explains and packs policies in Cedar; `postern policy --help` tells how.
  postern json FILE
      Prints a configuration file in TOML, or in JSON with comments, as the JSON that is bundled with the Worker.
  postern keys new [--ring RING | --client ALGORITHM]
      Makes a key for the secret POSTERN_KEYS and prints the ring with it.
      --ring     the ring in use, to put the key in front of; `-` reads it from standard input
      --client   in its place, a private key for `private_key_jwt`, as a JWK: of the algorithm ES256 or EdDSA
  postern keys pattern [--prefix PREFIX | --config FILE] [--file FILE|none] [--env NAME] [--site ID]
      Prints the regular expression that every API key of a site matches, for secret scanners.
      --prefix   what the keys begin with; when left out, what the configuration says
  postern relations dump|load|remove|compare …
      Writes every tuple of a deployment into a file, and back: in the npm package alone. `postern relations --help` tells how.
  postern schema [--wrangler|--reference]
      Prints the JSON Schema of the configuration, for editors.
      --wrangler   of a `wrangler.jsonc` with the configuration in `vars`
      --reference  the same keys as a page in Markdown
  postern --version
      Prints which release this is.
";

/// What a command says and how it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// For standard output.
    pub out: String,
    /// For standard error.
    pub err: String,
    /// The exit code: 0 all is well, 1 something is wrong with what was read, 2 with how it was asked; 3 providers are to be
    /// asked first, by the program that runs this one.
    pub code: u8,
}

impl Answer {
    fn good(out: String) -> Self {
        Self { out, ..Self::default() }
    }

    fn wrong(out: String) -> Self {
        Self { out, code: 1, ..Self::default() }
    }

    fn misused(why: impl std::fmt::Display) -> Self {
        Self { err: format!("postern: {why}\n"), code: 2, ..Self::default() }
    }
}

/// Runs one command. `args`: what follows the program's name.
#[must_use]
pub fn run(args: impl Iterator<Item = OsString>) -> Answer {
    let args: Vec<OsString> = args.collect();
    let command = args.first().and_then(|command| command.to_str()).unwrap_or_default().to_owned();
    let misused = |error: lexopt::Error| Answer::misused(format!("{error}\n\n{}", usage_of(&command)).trim_end());
    dispatch(Parser::from_args(args)).unwrap_or_else(misused)
}

/// The usage of one command; of all, where there is none of that name.
fn usage_of(command: &str) -> String {
    let start = format!("  postern {command} ");
    let mut is_meant = false;
    let own: Vec<&str> = USAGE
        .lines()
        .filter(|line| {
            if line.starts_with("  postern ") {
                is_meant = line.starts_with(&start);
            }
            is_meant
        })
        .collect();
    if own.is_empty() { USAGE.to_owned() } else { format!("Usage:\n{}\n", own.join("\n")) }
}

fn dispatch(mut parser: Parser) -> Result<Answer, lexopt::Error> {
    let Some(first) = parser.next()? else { return Err("expected a command".into()) };
    match first {
        Arg::Long("help") | Arg::Short('h') => Ok(Answer::good(USAGE.to_owned())),
        Arg::Long("version") | Arg::Short('V') => Ok(Answer::good(format!("postern {}\n", postern::VERSION))),
        Arg::Value(command) if command == "check" => check::run(parser),
        Arg::Value(command) if command == "explain" => check::explain(parser),
        Arg::Value(command) if command == "json" => configuration::run(parser),
        Arg::Value(command) if command == "keys" => keys::run(parser),
        Arg::Value(command) if command == "policy" => policy::run(parser),
        Arg::Value(command) if command == "schema" => catalogue::run(parser),
        other => Err(other.unexpected()),
    }
}
