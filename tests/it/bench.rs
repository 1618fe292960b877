//! `postroom frappe` in the folder of a bench, as a Procfile runs it.

use std::process::{Command, Output};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::http::ask;
use crate::support::process::{Process, command, free_port};

/// A bench with one site.
fn bench(common: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("sites/one.local");
    std::fs::create_dir_all(&site).unwrap();
    std::fs::write(site.join("site_config.json"), "{}").unwrap();
    std::fs::write(folder.path().join("sites/common_site_config.json"), common).unwrap();
    folder
}

fn run(folder: &TempDir, args: &[&str]) -> (Output, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postroom"));
    let output = command.args(args).current_dir(folder.path()).env_clear().output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.clone(), text.into_owned())
}

#[tokio::test]
async fn it_listens_where_the_bench_says_and_not_where_the_runner_of_the_procfile_says() {
    let mut tries = 0;
    let (folder, mut process, port) = loop {
        let port = free_port();
        let common = format!(r#"{{"socketio_port": "{port}", "redis_queue": "redis://127.0.0.1:9"}}"#);
        let folder = bench(&common);
        let env = [("PORT".to_owned(), free_port().to_string())];
        let process = Process::run(command(false).arg("frappe"), folder.path(), &env);
        let line = process.line(&["\"listening\"", "Address already in use"]).await;
        if line.contains("\"listening\"") {
            break (folder, process, port);
        }
        tries += 1;
        assert!(tries < 20, "no free port");
    };
    assert_eq!(ask(port, "GET", "/livez", &[], b"").await.status, 200);
    assert!(folder.path().join(format!("config/postroom/{port}/postroom.db")).is_file());
    assert!(!folder.path().join("data").exists());
    process.signal(Signal::TERM);
    assert!(process.ended().await.success());
}

#[test]
fn without_a_bench_around_it_does_not_start() {
    let (output, text) = run(&tempfile::tempdir().unwrap(), &["frappe"]);
    assert!(!output.status.success());
    assert!(text.starts_with("--bench: is missing, and the current folder is no bench"), "{text}");
    let (output, text) = run(&bench("{"), &["frappe"]);
    assert!(!output.status.success());
    assert!(text.starts_with("./sites/common_site_config.json:1:1: not valid JSON"), "{text}");
}

#[test]
fn check_reads_the_bench_that_is_named() {
    let bench = bench(r#"{"socketio_port": 9100, "redis_queue": "redis://:hunter2@r:1"}"#);
    let elsewhere = tempfile::tempdir().unwrap();
    let (output, text) = run(&elsewhere, &["check", "--bench", &bench.path().display().to_string()]);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("listen 0.0.0.0:9100") && text.contains("Redis at redis://r:1"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}
