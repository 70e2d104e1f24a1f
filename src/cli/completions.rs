//! `postern completions SHELL`: for the shell's own folder, such as
//! `/usr/share/bash-completion/completions/postern`.

use std::io::Write;

use clap::Args;
use clap_complete::{Shell, generate};

use super::{arguments::command, exit::Failure};

#[derive(Debug, Args)]
pub struct CompletionsArguments {
    shell: Shell,
}

pub fn completions(arguments: &CompletionsArguments) -> Result<(), Failure> {
    let mut written = Vec::new();
    generate(arguments.shell, &mut command(), "postern", &mut written);
    Ok(std::io::stdout().lock().write_all(&written)?)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_is_told_of_every_command_that_is_not_hidden() {
        for shell in Shell::value_variants() {
            let mut written = Vec::new();
            generate(*shell, &mut command(), "postern", &mut written);
            let written = String::from_utf8(written).unwrap();
            for command in command().get_subcommands().filter(|command| !command.is_hide_set()) {
                assert!(written.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
        }
    }
}
