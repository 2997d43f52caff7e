//! Bar charts as SVG that any browser shows without further files.

use std::fmt::Write;

/// The subject of a group of bars, and the label and length of each bar.
pub type Group = (String, Vec<(String, f64)>);

const WIDTH: f64 = 720.0;
const LABELS: f64 = 190.0;
const BAR: f64 = 15.0;

/// Horizontal bars in groups. The numbers stand beside the bars, in `unit`.
pub fn bars(title: &str, unit: &str, groups: &[Group]) -> String {
    let longest = groups.iter().flat_map(|(_, bars)| bars).map(|(_, value)| *value).fold(0.0, f64::max);
    let scale = (WIDTH - LABELS - 120.0) / longest;
    let (mut body, mut y) = (String::new(), 44.0);
    let text = |body: &mut String, x: f64, y: f64, style: &str, words: &str| {
        let words = words.replace('&', "&amp;").replace('<', "&lt;");
        writeln!(body, r#"<text x="{x:.0}" y="{y:.0}" {style}>{words}</text>"#).expect("a String takes all");
    };
    text(&mut body, 12.0, 24.0, r#"font-size="15" font-weight="bold""#, title);
    for (name, bars) in groups {
        text(&mut body, 12.0, y + BAR * 0.8, r#"font-weight="bold""#, name);
        y += BAR + 5.0;
        for (whose, value) in bars {
            let (width, color) = ((value * scale).max(1.0), color(whose));
            text(&mut body, LABELS - 8.0, y + BAR * 0.8, r#"text-anchor="end""#, whose);
            writeln!(
                body,
                r#"<rect x="{LABELS:.0}" y="{y:.0}" width="{width:.1}" height="{BAR:.0}" fill="{color}"/>"#
            )
            .expect("a String takes all");
            let number = if *value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") };
            text(&mut body, LABELS + width + 6.0, y + BAR * 0.8, "", &format!("{number} {unit}"));
            y += BAR + 3.0;
        }
        y += 8.0;
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0} {y:.0}" font-family="sans-serif" font-size="12" fill="#222">
<rect width="100%" height="100%" fill="#fff"/>
{body}</svg>
"##
    )
}

fn color(whose: &str) -> &'static str {
    match whose {
        "rustredis" => "#c2410c",
        "phpredis" => "#4b6a9b",
        "files" => "#8a8a8a",
        _ => "#c9c9c9",
    }
}
