//! Curves as an SVG image: one panel for each quantity that grows. Both axes are logarithmic, so a linear cost is
//! parallel to the dashed line.

use std::fmt::Write;

use crate::growth::Curve;

const PANEL: (f64, f64) = (460.0, 300.0);
const COLUMNS: usize = 2;
/// Around a panel's plot: left, top, right, bottom.
const MARGIN: (f64, f64, f64, f64) = (62.0, 52.0, 14.0, 44.0);
/// Distinguishable with red-green colour blindness, and in greyscale.
const COLOURS: [&str; 2] = ["#0b5fa5", "#d1730a"];

/// Draws `curves`, those of the same thing in one panel.
pub(crate) fn draw(curves: &[Curve]) -> String {
    let mut panels: Vec<Vec<&Curve>> = Vec::new();
    for curve in curves {
        match panels.iter_mut().find(|panel| panel[0].of == curve.of) {
            Some(panel) => panel.push(curve),
            None => panels.push(vec![curve]),
        }
    }
    let (width, height) = (PANEL.0 * COLUMNS as f64, PANEL.1 * panels.len().div_ceil(COLUMNS) as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for (number, panel) in panels.iter().enumerate() {
        let (x, y) = ((number % COLUMNS) as f64 * PANEL.0, (number / COLUMNS) as f64 * PANEL.1);
        let _ = writeln!(svg, "<g transform=\"translate({x} {y})\">{}</g>", draw_panel(panel));
    }
    svg + "</svg>\n"
}

/// The decades that contain some positive values, as powers of ten; at least one decade.
fn decades(values: impl Iterator<Item = f64> + Clone) -> (i32, i32) {
    let low = values.clone().fold(f64::INFINITY, f64::min).log10();
    let high = values.fold(0.0, f64::max).log10();
    let (low, high) = ((low + 1e-9).floor() as i32, (high - 1e-9).ceil() as i32);
    (low, high.max(low + 1))
}

fn draw_panel(curves: &[&Curve]) -> String {
    let (left, top, right, bottom) = (MARGIN.0, MARGIN.1, PANEL.0 - MARGIN.2, PANEL.1 - MARGIN.3);
    let points = || curves.iter().flat_map(|curve| curve.points.iter().filter(|point| point.cpu > 0.0));
    let (x0, x1) = decades(points().map(|point| point.x));
    let (y0, y1) = decades(points().map(|point| point.cpu * 1e3));
    let at_x = |value: f64| left + (value.log10() - f64::from(x0)) / f64::from(x1 - x0) * (right - left);
    let at_y = |value: f64| bottom - (value.log10() - f64::from(y0)) / f64::from(y1 - y0) * (bottom - top);
    let mut out = String::new();
    for power in x0..=x1 {
        let x = at_x(10_f64.powi(power));
        let _ = write!(
            out,
            "<path d=\"M{x:.1} {top}V{bottom}\" stroke=\"#dddddd\"/><text x=\"{x:.1}\" y=\"{}\" \
             text-anchor=\"middle\">{}</text>",
            bottom + 15.0,
            label(power)
        );
    }
    for power in y0..=y1 {
        let y = at_y(10_f64.powi(power));
        let _ = write!(
            out,
            "<path d=\"M{left} {y:.1}H{right}\" stroke=\"#dddddd\"/><text x=\"{}\" y=\"{:.1}\" \
             text-anchor=\"end\">{}</text>",
            left - 6.0,
            y + 4.0,
            label(power)
        );
    }
    let of = curves.first().map_or("", |curve| &curve.of);
    let _ = write!(
        out,
        "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text><text transform=\"translate(14 {:.1}) rotate(-90)\" \
         text-anchor=\"middle\">CPU ms a request</text>",
        (left + right) / 2.0,
        bottom + 34.0,
        escaped(of),
        (top + bottom) / 2.0
    );
    // The linear reference through the highest of the last points, clipped to the plot.
    if let Some(last) =
        curves.iter().filter_map(|curve| curve.points.last()).max_by(|a, b| a.cpu.total_cmp(&b.cpu))
    {
        let per_x = last.cpu * 1e3 / last.x;
        let from = 10_f64.powi(x0).max(10_f64.powi(y0) / per_x);
        let _ = write!(
            out,
            "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"#777777\" stroke-dasharray=\"4 4\"/>",
            at_x(from),
            at_y(from * per_x),
            at_x(last.x),
            at_y(last.cpu * 1e3)
        );
    }
    for (number, curve) in curves.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let places: Vec<_> = curve
            .points
            .iter()
            .filter(|point| point.cpu > 0.0)
            .map(|point| (at_x(point.x), at_y(point.cpu * 1e3)))
            .collect();
        let line: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = write!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            line.join(" ")
        );
        for (x, y) in places {
            let _ = write!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
        }
        let y = 20.0 + 15.0 * number as f64;
        let _ = write!(
            out,
            "<path d=\"M{left} {y}h18\" stroke=\"{colour}\" stroke-width=\"2\"/><text x=\"{}\" y=\"{}\">{}</text>",
            left + 24.0,
            y + 4.0,
            escaped(&curve.name)
        );
    }
    out
}

/// The axis label of a power of ten.
fn label(power: i32) -> String {
    match power {
        0..=2 => 10_i32.pow(power as u32).to_string(),
        3..=5 => format!("{} k", 10_i32.pow(power as u32 - 3)),
        6..=8 => format!("{} M", 10_i32.pow(power as u32 - 6)),
        -4..=-1 => format!("{:.*}", power.unsigned_abs() as usize, 10_f64.powi(power)),
        _ => format!("1e{power}"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::Point;

    #[test]
    fn decades_contain_all_values() {
        for (values, want) in [
            (vec![1.0, 5_000.0], (0, 4)),
            (vec![10.0, 1_000.0], (1, 3)),
            (vec![0.02], (-2, -1)),
            (vec![7.0, 7.0], (0, 1)),
        ] {
            assert_eq!(decades(values.iter().copied()), want, "{values:?}");
        }
    }

    #[test]
    fn a_linear_curve_lies_on_its_reference() {
        let points = [1.0, 10.0, 100.0].map(|x| Point { x, cpu: x / 1e3, time: x, linear: 0, own: 0 });
        let curve = |of: &str| Curve { of: of.to_owned(), name: "a < b".to_owned(), points: points.to_vec() };
        let svg = draw(&[curve("one"), curve("two"), curve("one")]);
        assert!(
            svg.contains("a &lt; b")
                && svg.matches("<g ").count() == 2
                && svg.matches("<polyline").count() == 3
        );
        let (left, bottom) = (MARGIN.0, PANEL.1 - MARGIN.3);
        let (right, top) = (PANEL.0 - MARGIN.2, MARGIN.1);
        assert!(svg.contains(&format!("M{left:.1} {bottom:.1}L{right:.1} {top:.1}")), "{svg}");
    }
}
