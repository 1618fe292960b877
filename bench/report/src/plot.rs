//! Bar charts as SVG, readable on light and dark pages.

use std::fmt::Write as _;

use crate::figures::{Spread, short};

const WIDTH: f64 = 760.0;
const LABELS: f64 = 230.0; // where bars begin
const VALUES: f64 = 130.0; // what is left for the figure behind the longest bar
const BAR: f64 = 20.0;
const MARGIN: f64 = 16.0;

/// A picture: panels below each other, each with a scale of its own, since workloads differ by a hundred times.
pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) note: String,
    pub(crate) panels: Vec<Panel>,
}

/// The bars of one workload.
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) bars: Vec<Bar>,
}

/// One peer's figure, and its range.
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) spread: Spread,
    /// Postroom's stand out.
    pub(crate) ours: bool,
    /// Said behind the figure.
    pub(crate) remark: String,
}

impl Chart {
    /// The picture as text.
    pub(crate) fn svg(&self) -> String {
        let mut body = String::new();
        let mut y = MARGIN + 18.0;
        text(&mut body, MARGIN, y, "title", &self.title);
        y += 20.0;
        text(&mut body, MARGIN, y, "note", &self.note);
        y += 12.0;
        for panel in &self.panels {
            y = panel.draw(&mut body, y);
        }
        let height = y + MARGIN;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\" role=\"img\" aria-label=\"{}\">\n{STYLE}<rect class=\"paper\" width=\"{WIDTH}\" \
             height=\"{height}\" rx=\"8\"/>\n{body}</svg>\n",
            escaped(&self.title)
        )
    }
}

const STYLE: &str = "<style>\n\
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }\n\
    .title { font-size: 17px; font-weight: 600 }\n\
    .panel { font-weight: 600 }\n\
    .note { fill: #59636e }\n\
    .end { text-anchor: end }\n\
    .paper { fill: #ffffff }\n\
    .ours { fill: #d9590b }\n\
    .other { fill: #7d94b5 }\n\
    .range { stroke: #1f2328; stroke-width: 1.5 }\n\
    @media (prefers-color-scheme: dark) {\n\
    text { fill: #e6edf3 }\n\
    .note { fill: #9198a1 }\n\
    .paper { fill: #0d1117 }\n\
    .ours { fill: #f0883e }\n\
    .other { fill: #6f87ab }\n\
    .range { stroke: #e6edf3 }\n\
    }\n</style>\n";

impl Panel {
    /// Draws it below `y`; returns where it ends.
    fn draw(&self, body: &mut String, mut y: f64) -> f64 {
        y += 24.0;
        text(body, MARGIN, y, "panel", &self.title);
        y += 8.0;
        let most = self.bars.iter().map(|bar| bar.spread.high).fold(f64::MIN_POSITIVE, f64::max);
        let scale = (WIDTH - LABELS - VALUES - MARGIN) / most;
        for bar in &self.bars {
            bar.draw(body, y, scale);
            y += BAR + 4.0;
        }
        y
    }
}

impl Bar {
    fn draw(&self, body: &mut String, y: f64, scale: f64) {
        let class = if self.ours { "ours" } else { "other" };
        let (long, middle) = ((self.spread.median * scale).max(1.0), y + BAR / 2.0);
        let base = middle + 4.5;
        text(body, LABELS - 10.0, base, "end", &self.label);
        let _ = writeln!(
            body,
            "<rect class=\"{class}\" x=\"{LABELS}\" y=\"{y:.1}\" width=\"{long:.1}\" height=\"{BAR}\" rx=\"2\"/>"
        );
        let (from, to) = (LABELS + self.spread.low * scale, LABELS + self.spread.high * scale);
        if to - from >= 2.0 {
            let _ = writeln!(
                body,
                "<path class=\"range\" d=\"M{from:.1} {middle:.1}H{to:.1}M{from:.1} {:.1}v6M{to:.1} {:.1}v6\"/>",
                middle - 3.0,
                middle - 3.0
            );
        }
        text(
            body,
            (LABELS + long).max(to) + 8.0,
            base,
            "value",
            &format!("{}{}", short(self.spread.median), self.remark),
        );
    }
}

fn text(body: &mut String, x: f64, y: f64, class: &str, content: &str) {
    let _ = writeln!(body, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(content));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(value: f64) -> Bar {
        Bar {
            label: "a < \"b\"".into(),
            spread: Spread::of([value]).unwrap(),
            ours: true,
            remark: " + 2".into(),
        }
    }

    #[test]
    fn the_longest_bar_takes_the_room_and_others_their_share() {
        let panel = Panel { title: "t".into(), bars: vec![bar(10.0), bar(5.0)] };
        let svg = Chart { title: "x & y".into(), note: String::new(), panels: vec![panel] }.svg();
        assert!(svg.contains("width=\"384.0\""), "{svg}");
        assert!(svg.contains("width=\"192.0\""), "{svg}");
        assert!(svg.contains("a &lt; &quot;b&quot;") && svg.contains("x &amp; y"), "{svg}");
        assert!(svg.contains(">5.00 + 2</text>"), "{svg}");
    }

    #[test]
    fn nothing_at_all_is_still_a_picture() {
        let panel = Panel { title: "t".into(), bars: vec![bar(0.0)] };
        let svg = Chart { title: String::new(), note: String::new(), panels: vec![panel] }.svg();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
