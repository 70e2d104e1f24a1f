//! The front door keeps what it promises: every block of README.md that is
//! marked `sh run` is run, as it stands there, with the configuration that
//! stands there, in a folder that plays the machine's root.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

#[test]
fn every_command_of_the_readme_that_can_be_run_here_runs() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let machine = tempfile::tempdir().unwrap();
    set_up(machine.path(), &readme);
    let mut ran = 0;
    for script in blocks(&readme, "sh run") {
        let output = run(&script, machine.path());
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        assert!(output.status.success(), "{script}\n{}\n{told}", output.status);
        ran += script.lines().count();
    }
    assert!(ran >= 10, "{ran} lines were run");
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What stands between ``` and ```, after exactly that mark.
fn blocks(text: &str, mark: &str) -> Vec<String> {
    let opens = format!("\n```{mark}\n");
    let blocks = text.split(&opens).skip(1);
    blocks.filter_map(|rest| rest.split("\n```\n").next().map(str::to_owned)).collect()
}

/// /etc/postern with the README's own postern.toml, the shipped policies, a
/// certificate, and an empty data folder.
fn set_up(machine: &Path, readme: &str) {
    let etc = machine.join("etc/postern");
    for folder in ["etc/postern/certs", "etc/postern/keys", "var/lib/postern/audit"] {
        fs::create_dir_all(machine.join(folder)).unwrap();
    }
    let configuration = blocks(readme, "toml");
    let configuration = configuration.iter().find(|block| block.starts_with("[node]")).unwrap();
    fs::write(etc.join("postern.toml"), placed(configuration, machine)).unwrap();
    copy(&root().join("policies"), &etc.join("policies"));
    let made = rcgen::generate_simple_self_signed(["mx1.example.nhs.uk".to_owned()]).unwrap();
    fs::write(etc.join("certs/mx1.pem"), made.cert.pem()).unwrap();
    fs::write(etc.join("certs/mx1.key"), made.signing_key.serialize_pem()).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// Where `/etc/postern` and `/var/lib/postern` are on this machine.
fn placed(text: &str, machine: &Path) -> String {
    let machine = machine.display();
    ["/etc/postern", "/var/lib/postern"]
        .iter()
        .fold(text.to_owned(), |text, path| text.replace(path, &format!("{machine}{path}")))
}

fn run(script: &str, machine: &Path) -> std::process::Output {
    let program = Path::new(env!("CARGO_BIN_EXE_postern"));
    let path =
        format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-euc", &placed(script, machine)]).current_dir(machine).env("PATH", path);
    shell.output().unwrap()
}
