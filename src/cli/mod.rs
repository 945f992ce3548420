//! Arguments, commands, exit codes. Results go to stdout, progress and complaints to stderr.

mod bisect;
mod bugs;
mod check;
mod compare;
mod exit;
mod explain;
mod judge;
mod list;
mod load;
mod new;
mod report;
mod run;
mod seeds;
mod sweep;
mod validate;

use clap::{CommandFactory as _, Parser, Subcommand};

pub use exit::Exit;

/// A deterministic distributed-system simulator.
#[derive(Debug, Parser)]
#[command(name = "netsplit", version, about, max_term_width = 100, propagate_version = true)]
#[command(after_help = exit::HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play a scenario and write its report.
    Run(run::Arguments),
    /// Read a scenario and say what is wrong with it; run nothing.
    Check(check::Arguments),
    /// Write a scenario to start from; nothing is overwritten.
    New(new::Arguments),
    /// List scenarios.
    List(list::Arguments),
    /// Tell what a scenario asks; hints and answers only on request.
    Explain(explain::Arguments),
    /// Judge a history that was recorded elsewhere or exported by a run.
    Judge(judge::Arguments),
    /// Plant each bug of each protocol, and see whether the checkers find it.
    Bugs(bugs::Arguments),
    /// Print the JSON schema of scenarios, for editors.
    Schema,
    /// Hold the models against published oracles.
    Validate(validate::Arguments),
    /// Draw a report again from its folder alone.
    Report(report::Arguments),
    /// Compare two reports or two variants.
    Compare(compare::Arguments),
    /// Play a scenario at many points.
    Sweep(sweep::Arguments),
    /// Print completions for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// Runs the command line and returns the exit code of the process.
pub fn main() -> std::process::ExitCode {
    guarded(command_line)
}

/// A panic is an error of ours like any other: the message has been printed by then, and what was being written is
/// cleaned up.
fn guarded(run: impl FnOnce() -> std::process::ExitCode + std::panic::UnwindSafe) -> std::process::ExitCode {
    std::panic::catch_unwind(run).unwrap_or_else(|_| Exit::Internal.into())
}

fn command_line() -> std::process::ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers; everything else is a usage error, which is 2 as clap has it.
            let _ = error.print();
            return std::process::ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let exit = match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::New(arguments) => new::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Judge(arguments) => judge::run(&arguments),
        Command::Bugs(arguments) => bugs::run(&arguments),
        Command::Schema => {
            out(&crate::scenario::schema::text());
            Exit::Pass
        }
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Sweep(arguments) => sweep::run(&arguments),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "netsplit", &mut script);
            out(&String::from_utf8_lossy(&script));
            Exit::Pass
        }
    };
    match UNWRITTEN.get() {
        Some(reason) => {
            err(&format!("error: the output can't be written: {reason}\n"));
            exit.max(Exit::Usage).into()
        }
        None => exit.into(),
    }
}

/// Why stdout could not be written, if it couldn't.
static UNWRITTEN: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// Writes to stdout. A reader that has gone away (`| head`) is no error of anybody's.
fn out(text: &str) {
    use std::io::Write as _;
    let mut stdout = std::io::stdout().lock();
    if let Err(error) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        let _ = UNWRITTEN.set(load::reason(&error));
    }
}

/// Writes to stderr.
fn err(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::ExitCode;

    #[test]
    fn a_panic_is_an_error_of_ours() {
        // Exit codes can only be compared as they print.
        let code = |exit: ExitCode| format!("{exit:?}");
        assert_eq!(code(guarded(|| panic!("planned"))), code(ExitCode::from(70)));
        assert_eq!(code(guarded(|| ExitCode::from(3))), code(ExitCode::from(3)));
    }
}
