//! The chart itself: axes, marks, legend.

use std::fmt::{self, Write};

use super::axis::Axis;
use super::thin::thin;
use super::{Escaped, look};

/// What a character of the tick labels takes, about (px).
const CHARACTER_PX: f64 = 6.3;
/// Room below for ticks and name (px).
const BOTTOM_PX: f64 = 42.0;
/// Room above for half a tick label (px).
const TOP_PX: f64 = 10.0;
/// Room above for headings (px).
const HEADED_TOP_PX: f64 = 22.0;
/// The least room for tick labels beside a name, for charts above one another to line up (px).
const LEAST_LABEL_PX: f64 = 34.0;
/// Room on the right for half a tick label (px).
const RIGHT_PX: f64 = 16.0;
/// The most room for tick labels on the left (px).
const MOST_LABEL_PX: f64 = 190.0;
/// What lies this far outside of the chart need not be drawn where it is (px).
const FAR_PX: f64 = 1e5;

/// A finished chart; HTML that needs no escaping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Svg(String);

impl fmt::Display for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Svg {}

/// What the looks in a chart stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Legend {
    /// A line.
    Line,
    /// A dot.
    Dot,
    /// A filled box.
    Box,
}

/// A chart in the making.
#[derive(Debug)]
pub(crate) struct Figure {
    title: String,
    size_px: [f64; 2],
    left_px: f64,
    top_px: f64,
    x: Axis,
    y: Axis,
    headings: String,
    marks: String,
    legend: String,
}

impl Figure {
    /// An empty chart. The title is for those who cannot see it.
    pub(crate) fn new(title: &str, size_px: [f64; 2], x: Axis, y: Axis) -> Self {
        let characters = y.ticks.iter().map(|tick| tick.label.chars().count()).max().unwrap_or(0);
        let labels_px = (characters as f64 * CHARACTER_PX).min(MOST_LABEL_PX);
        let left_px = if y.name.is_empty() {
            labels_px + 14.0
        } else {
            // Room for the name, turned.
            labels_px.max(LEAST_LABEL_PX) + 32.0
        };
        Self {
            title: title.to_owned(),
            size_px,
            left_px,
            top_px: TOP_PX,
            x,
            y,
            headings: String::new(),
            marks: String::new(),
            legend: String::new(),
        }
    }

    /// Makes room for headings; to be said before anything is drawn.
    pub(crate) fn with_headings(mut self) -> Self {
        self.top_px = HEADED_TOP_PX;
        self
    }

    /// Columns and rows of the area of the marks (px).
    fn area_px(&self) -> [f64; 2] {
        [
            (self.size_px[0] - self.left_px - RIGHT_PX).max(1.0),
            (self.size_px[1] - self.top_px - BOTTOM_PX).max(1.0),
        ]
    }

    /// The values at the ends of x.
    pub(crate) fn ends_x(&self) -> [f64; 2] {
        self.x.scale.ends()
    }

    /// The values at the ends of y.
    pub(crate) fn ends_y(&self) -> [f64; 2] {
        self.y.scale.ends()
    }

    /// Where a point lies within the area of the marks (px from its top left); `None` if nowhere.
    pub(crate) fn place(&self, [x, y]: [f64; 2]) -> Option<[f64; 2]> {
        let [width, height] = self.area_px();
        let place = [self.x.scale.position(x) * width, (1.0 - self.y.scale.position(y)) * height];
        place.iter().all(|p| p.is_finite()).then(|| place.map(|p| p.clamp(-FAR_PX, FAR_PX)))
    }

    /// A line through points in the order of x, broken where a point has no place.
    pub(crate) fn line(&mut self, points: &[[f64; 2]], class: &str) {
        let places: Vec<Option<[f64; 2]>> = points.iter().map(|&p| self.place(p)).collect();
        let mut path = String::new();
        for run in places.split(Option::is_none) {
            let run: Vec<[f64; 2]> = run.iter().copied().flatten().collect();
            for (at, [x, y]) in thin(&run).into_iter().enumerate() {
                let _ = write!(path, "{}{x:.1} {y:.1}", if at == 0 { 'M' } else { 'L' });
            }
            if let [[x, y]] = run[..] {
                // A lone point is a dot: a line of no length with round ends.
                let _ = write!(path, "L{x:.1} {y:.1}");
            }
        }
        if !path.is_empty() {
            let _ = write!(self.marks, "<path class=\"{class}\" d=\"{path}\"/>");
        }
    }

    /// Dots, each with a text that is shown when it is pointed at.
    pub(crate) fn dots(&mut self, points: &[([f64; 2], String)], radius_px: f64, class: &str) {
        for (point, hint) in points {
            if let Some([x, y]) = self.place(*point) {
                let _ = write!(
                    self.marks,
                    "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius_px}\">\
                     <title>{}</title></circle>",
                    Escaped(hint)
                );
            }
        }
    }

    /// A rectangle between two corners, with a text that is shown when it is pointed at. Ends that
    /// lie outside are drawn at the border.
    pub(crate) fn rectangle(&mut self, from: [f64; 2], to: [f64; 2], class: &str, hint: &str) {
        let (Some(a), Some(b)) = (self.place(from), self.place(to)) else { return };
        let area = self.area_px();
        let side = |axis: usize| {
            let ends = [a[axis], b[axis]].map(|end| end.clamp(0.0, area[axis]));
            (ends[0].min(ends[1]), (ends[1] - ends[0]).abs())
        };
        let ((x, width), (y, height)) = (side(0), side(1));
        let _ = write!(
            self.marks,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
             height=\"{height:.1}\"><title>{}</title></rect>",
            Escaped(hint)
        );
    }

    /// A line across the chart at a value of x.
    pub(crate) fn rule_x(&mut self, x: f64, class: &str) {
        let [low, high] = self.y.scale.ends();
        self.line(&[[x, low], [x, high]], class);
    }

    /// A text above the chart, its middle at x.
    pub(crate) fn heading(&mut self, x: f64, text: &str) {
        let [low, _] = self.y.scale.ends();
        if let Some([x, _]) = self.place([x, low]) {
            let _ = write!(
                self.headings,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                self.left_px + x,
                self.top_px - 7.0,
                Escaped(text)
            );
        }
    }

    /// Says what a look stands for.
    pub(crate) fn legend(&mut self, kind: Legend, class: &str, text: &str) {
        let sample = match kind {
            Legend::Line => format!("<path class=\"{class}\" d=\"M1 6L29 6\"/>"),
            Legend::Dot => format!("<circle class=\"{class}\" cx=\"15\" cy=\"6\" r=\"3\"/>"),
            Legend::Box => {
                format!("<rect class=\"{class}\" x=\"8\" y=\"1\" width=\"14\" height=\"10\"/>")
            }
        };
        let _ = write!(
            self.legend,
            "<span><svg width=\"30\" height=\"12\" aria-hidden=\"true\">{sample}</svg>{}</span>",
            Escaped(text)
        );
    }

    /// One series per name, in the order of the looks.
    pub(crate) fn legend_of<'a>(&mut self, kind: Legend, names: impl IntoIterator<Item = &'a str>) {
        for (at, name) in names.into_iter().enumerate() {
            self.legend(kind, &look(at), name);
        }
    }

    /// The chart with its axes, below its legend.
    pub(crate) fn finish(self) -> Svg {
        let [width, height] = self.area_px();
        let [full_width, full_height] = self.size_px;
        let (left, top) = (self.left_px, self.top_px);
        let bottom = top + height;
        let mut svg = String::new();
        if !self.legend.is_empty() {
            let _ = write!(svg, "<div class=\"legend\">{}</div>", self.legend);
        }
        let _ = write!(
            svg,
            "<svg class=\"chart\" role=\"img\" viewBox=\"0 0 {full_width} {full_height}\" \
             style=\"max-width:{full_width}px\" aria-label=\"{}\">",
            Escaped(&self.title)
        );
        for tick in &self.x.ticks {
            let x = left + width * self.x.scale.position(tick.value);
            let length = if tick.label.is_empty() { 3.0 } else { 5.0 };
            if self.x.grid && !tick.label.is_empty() {
                let _ = write!(svg, "<path class=\"grid\" d=\"M{x:.1} {top}V{bottom:.1}\"/>");
            }
            let _ = write!(svg, "<path class=\"axis\" d=\"M{x:.1} {bottom:.1}v{length}\"/>");
            let _ = write!(
                svg,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                bottom + 17.0,
                Escaped(&tick.label)
            );
        }
        for tick in &self.y.ticks {
            let y = top + height * (1.0 - self.y.scale.position(tick.value));
            let length = if tick.label.is_empty() { 3.0 } else { 5.0 };
            if self.y.grid && !tick.label.is_empty() {
                let _ = write!(svg, "<path class=\"grid\" d=\"M{left:.1} {y:.1}h{width:.1}\"/>");
            }
            let _ = write!(svg, "<path class=\"axis\" d=\"M{left:.1} {y:.1}h-{length}\"/>");
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                left - 8.0,
                y + 4.0,
                Escaped(&shortened(&tick.label))
            );
        }
        // A nested drawing cuts off what lies outside.
        let _ = write!(
            svg,
            "<svg x=\"{left:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{height:.1}\">{}</svg>\
             <path class=\"axis\" d=\"M{left:.1} {top}V{bottom:.1}h{width:.1}\"/>",
            self.marks
        );
        let _ = write!(
            svg,
            "<text class=\"name\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            left + width / 2.0,
            full_height - 5.0,
            Escaped(&self.x.name)
        );
        if !self.y.name.is_empty() {
            let _ = write!(
                svg,
                "<text class=\"name\" transform=\"translate(12 {:.1}) rotate(-90)\" \
                 text-anchor=\"middle\">{}</text>",
                top + height / 2.0,
                Escaped(&self.y.name)
            );
        }
        svg.push_str(&self.headings);
        svg.push_str("</svg>");
        Svg(svg)
    }
}

/// A tick label that fits its room.
fn shortened(label: &str) -> String {
    let most = (MOST_LABEL_PX / CHARACTER_PX) as usize;
    if label.chars().count() <= most {
        return label.to_owned();
    }
    label.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    //! Proves: points are drawn where they should be, lines break at what has no place, texts are
    //! escaped, and long curves stay short.
    use super::super::Scale;
    use super::*;

    /// An area of 100 x 200 pixels for x from 0 to 10 and y from 1 to 100.
    fn figure() -> Figure {
        let x = Axis::new("x (mm)", Scale::Linear { low: 0.0, high: 10.0 }, 5);
        let y = Axis::new("<y>", Scale::Log { low: 1.0, high: 100.0 }, 5);
        let mut figure = Figure::new("a & b", [0.0, 0.0], x, y);
        figure.size_px = [100.0 + figure.left_px + RIGHT_PX, 200.0 + TOP_PX + BOTTOM_PX];
        figure
    }

    #[test]
    fn points_are_where_they_should_be() {
        let figure = figure();
        assert_eq!(figure.place([0.0, 1.0]), Some([0.0, 200.0]));
        assert_eq!(figure.place([10.0, 100.0]), Some([100.0, 0.0]));
        assert_eq!(figure.place([2.5, 10.0]), Some([25.0, 100.0]));
        assert_eq!(figure.place([20.0, 1e-320]).map(|p| p[0]), Some(200.0));
        for nowhere in [[f64::NAN, 1.0], [0.0, 0.0], [f64::INFINITY, 1.0], [0.0, -2.0]] {
            assert_eq!(figure.place(nowhere), None);
        }
    }

    #[test]
    fn lines_break_where_there_is_no_place() {
        let mut figure = figure();
        figure.line(&[[0.0, 1.0], [5.0, 10.0], [6.0, f64::NAN], [10.0, 100.0]], "s0");
        assert_eq!(
            figure.marks,
            "<path class=\"s0\" d=\"M0.0 200.0L50.0 100.0M100.0 0.0L100.0 0.0\"/>"
        );
        figure.marks.clear();
        figure.line(&[[f64::NAN, f64::NAN]], "s0");
        assert_eq!(figure.marks, "");
    }

    #[test]
    fn rectangles_end_at_the_border() {
        let mut figure = figure();
        figure.rectangle([2.0, 1e-9], [4.0, 10.0], "s1", "1 < 2");
        assert_eq!(
            figure.marks,
            "<rect class=\"s1\" x=\"20.0\" y=\"100.0\" width=\"20.0\" height=\"100.0\">\
             <title>1 &lt; 2</title></rect>"
        );
    }

    #[test]
    fn texts_are_escaped() {
        let mut figure = figure();
        figure.legend(Legend::Line, "s0", "<i>");
        figure.heading(1.0, "<b>");
        figure.dots(&[([1.0, 2.0], "<u>".to_owned())], 3.0, "s0");
        let svg = figure.finish().to_string();
        for tag in ["<i>", "<b>", "<u>", "<y>", "a & b"] {
            assert!(!svg.contains(tag), "{svg}");
        }
        assert!(svg.contains(">&lt;y&gt;</text>") && svg.contains(">x (mm)</text>"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn long_curves_stay_short() {
        let mut figure = figure();
        let points: Vec<_> =
            (0..100_000).map(|n| [f64::from(n) / 1e4, 1.0 + f64::from(n % 99)]).collect();
        figure.line(&points, "s0");
        assert!(figure.finish().to_string().len() < 12_000);
    }
}
