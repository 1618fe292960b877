//! Tables of Markdown.

use std::fmt::Write as _;

/// A table; the first column is text, the others are numbers unless said otherwise.
pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    numbers: bool,
}

impl Table {
    /// With these headings.
    pub(crate) fn new<const N: usize>(columns: [&str; N]) -> Self {
        Self { columns: columns.map(str::to_owned).to_vec(), rows: Vec::new(), numbers: true }
    }

    /// All columns are text.
    pub(crate) fn of_text(mut self) -> Self {
        self.numbers = false;
        self
    }

    /// One more row; what is empty is shown as a dash.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows
            .push(cells.into_iter().map(|cell| if cell.is_empty() { "-".into() } else { cell }).collect());
    }

    /// Whether nothing stands in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text, with an empty line behind it.
    pub(crate) fn written(&self) -> String {
        let mut text = written_row(&self.columns);
        let rest = if self.numbers { "---:|" } else { "---|" };
        let _ = writeln!(text, "|---|{}", rest.repeat(self.columns.len().saturating_sub(1)));
        for row in &self.rows {
            text.push_str(&written_row(row));
        }
        text.push('\n');
        text
    }
}

fn written_row(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// What would end a cell or a line does not.
fn escaped(cell: &str) -> String {
    cell.replace('|', "\\|").replace(['\n', '\r'], " ").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stays_one() {
        let mut table = Table::new(["a", "b"]);
        table.row(["x|y\n<z>".into(), String::new()]);
        assert_eq!(table.written(), "| a | b |\n|---|---:|\n| x\\|y &lt;z> | - |\n\n");
        assert_eq!(Table::new(["a", "b"]).of_text().written(), "| a | b |\n|---|---|\n\n");
    }
}
