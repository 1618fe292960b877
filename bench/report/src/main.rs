//! Makes `RESULTS.md` and the plots of the benchmark from the raw results of `bench/run`.
//!
//! ```text
//! postroom-report RAW --out FOLDER    writes FOLDER/RESULTS.md and FOLDER/results/*.svg
//! postroom-report RAW --complete      fails unless all was measured and all that was sent arrived
//! ```

mod aims;
mod check;
mod figures;
mod markdown;
mod plot;
mod plots;
mod raw;
#[cfg(test)]
mod sample;
mod sections;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use raw::Record;

/// What is asked for.
enum Task {
    Report { raw: PathBuf, out: PathBuf },
    Check { raw: PathBuf },
}

fn main() -> ExitCode {
    match read_arguments().and_then(carry_out) {
        Ok(said) => {
            let _ = writeln!(std::io::stdout(), "{said}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "postroom-report: {why}");
            ExitCode::FAILURE
        }
    }
}

fn read_arguments() -> Result<Task, String> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    match given.as_slice() {
        [raw, "--complete"] => Ok(Task::Check { raw: raw.into() }),
        [raw, "--out", out] => Ok(Task::Report { raw: raw.into(), out: out.into() }),
        _ => Err("usage: postroom-report RAW (--out FOLDER | --complete)".into()),
    }
}

fn carry_out(task: Task) -> Result<String, String> {
    match task {
        Task::Check { raw } => check::complete(&read(&raw)?),
        Task::Report { raw, out } => report(&read(&raw)?, &raw, &out),
    }
}

fn read(path: &Path) -> Result<Record, String> {
    let text = std::fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()))?;
    Record::parse(&text).map_err(|why| format!("{}: {why}", path.display()))
}

fn report(record: &Record, raw: &Path, out: &Path) -> Result<String, String> {
    let name = raw.file_stem().and_then(|stem| stem.to_str()).unwrap_or("run");
    let mut figures = Vec::new();
    for (title, chart) in plots::all(record) {
        let file = format!("results/{name}-{title}.svg");
        write(&out.join(&file), &chart.svg())?;
        figures.push((title, file));
    }
    write(&out.join("RESULTS.md"), &sections::whole(record, name, &figures))?;
    Ok(format!("{} measurements reported", record.measured.len()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let written =
        path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, text));
    written.map_err(|why| format!("{}: {why}", path.display()))
}
