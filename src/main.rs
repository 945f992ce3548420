//! The binary: parse, run, exit.

fn main() -> std::process::ExitCode {
    netsplit::cli::main()
}
