//! The page about one registration.

use askama::Template;
use isocenter::radiograph::Image;
use isocenter::register::FeatureMaps;

use super::convergence::{distance_chart, similarity_chart};
use super::error::ReportError;
use super::landscape::landscape_charts;
use super::page::{Fact, PagePicture, duration};
use super::registration::{
    NetworkFeatures, OptimumRow, RegistrationReport, Setting, StageSeconds, ViewImages,
};
use super::verdict::Verdict;
use crate::blend::blend;
use crate::chart::Svg;
use crate::chart::number::{fixed, percent, sensible, significant};
use crate::checkerboard::checkerboard;
use crate::compared::compared;
use crate::display::display;
use crate::error::{PictureError, check_size};
use crate::fused::fused;
use crate::overlay::overlay;

/// The longest side that an image of a page may have (px): larger ones are reduced by a whole factor,
/// for the page to stay within a few megabytes.
const LONGEST_SIDE_PX: usize = 768;

/// A page about one registration: the verdict and what to do, CT and X-ray over one another before
/// and after, the way of the search, the similarity around the result, other optima, times, settings.
///
/// The page is one HTML file that loads nothing. Pictures stand as the X-ray's file did; images of
/// more than 768 pixels a side are reduced by a whole factor. Texts are escaped; equal input gives an
/// equal page.
///
/// # Errors
/// If images of a view differ in size, or a landscape does not have one similarity for each offset.
///
/// # Examples
/// ```
/// use isocenter::radiograph::{Image, ImageFlip};
/// use isocenter_report::{RegistrationReport, Verdict, ViewImages, registration_report};
/// let image = Image::new([3, 1], vec![0.0, 1.0, 4.0]).unwrap();
/// let page = registration_report(&RegistrationReport {
///     views: vec![ViewImages {
///         xray: &image,
///         drr_start: &image,
///         drr_result: &image,
///         flip: ImageFlip::None,
///         compared: None,
///     }],
///     verdict: Verdict::Doubtful,
///     reasons: vec!["depth is uncertain".to_owned()],
///     similarity: 0.93,
///     seconds: 1.2,
///     ..RegistrationReport::default()
/// })
/// .unwrap();
/// assert!(page.contains("Doubtful") && page.contains("depth is uncertain"));
/// assert!(!page.contains("://"));
/// ```
pub fn registration_report(report: &RegistrationReport<'_>) -> Result<String, ReportError> {
    let views = report.views.iter().enumerate();
    let views = views
        .map(|(at, images)| view(images, at + 1).map_err(|error| error.of_view(at + 1)))
        .collect::<Result<Vec<_>, _>>()?;
    let charts = landscape_charts(&report.landscape)?;
    let page = Page {
        verdict: report.verdict,
        facts: facts(report),
        reasons: &report.reasons,
        remarks: &report.remarks,
        views,
        similarity: similarity_chart(&report.trace),
        distance: distance_chart(&report.trace),
        has_trace: !report.trace.is_empty(),
        has_coarse: report.landscape.iter().any(|axis| !axis.coarse.is_empty()),
        landscape: charts,
        optima: optima(&report.optima),
        timings: timings(&report.timings, report.seconds),
        settings: &report.settings,
        branches: report.features.as_ref().map(branches).transpose()?.unwrap_or_default(),
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "registration.html")]
struct Page<'a> {
    verdict: Verdict,
    facts: Vec<Fact>,
    reasons: &'a [String],
    remarks: &'a [String],
    views: Vec<View>,
    similarity: Svg,
    distance: Svg,
    has_trace: bool,
    has_coarse: bool,
    landscape: Vec<Svg>,
    optima: Vec<OptimumTexts>,
    timings: Vec<TimingTexts>,
    settings: &'a [Setting],
    branches: Vec<Branch>,
}

/// What a branch of a network saw and said.
struct Branch {
    name: &'static str,
    said: String,
    maps: [PagePicture; 2],
}

/// The pictures of an X-ray.
struct View {
    number: usize,
    edges: [PagePicture; 2],
    colors: [PagePicture; 2],
    tiles: [PagePicture; 2],
    mixed: PagePicture,
    alone: [PagePicture; 3],
    compared: Option<PagePicture>,
}

struct OptimumTexts {
    rank: usize,
    similarity: String,
    below_best: String,
    rotation: String,
    in_plane: String,
    depth: String,
}

struct TimingTexts {
    name: String,
    seconds: String,
    percent: String,
}

/// An error while a view's pictures are made, before it is known which view it was.
enum ViewError {
    Picture(PictureError),
    Report(ReportError),
}

impl ViewError {
    fn of_view(self, view: usize) -> ReportError {
        match self {
            Self::Picture(source) => ReportError::Picture { view, source },
            Self::Report(error) => error,
        }
    }
}

impl From<PictureError> for ViewError {
    fn from(error: PictureError) -> Self {
        Self::Picture(error)
    }
}

impl From<ReportError> for ViewError {
    fn from(error: ReportError) -> Self {
        Self::Report(error)
    }
}

fn view(images: &ViewImages<'_>, number: usize) -> Result<View, ViewError> {
    let ViewImages { xray, drr_start, drr_result, flip, compared: mask } = *images;
    check_size("the DRR at the start", drr_start.size_px(), xray.size_px())?;
    check_size("the DRR at the result", drr_result.size_px(), xray.size_px())?;
    let compared = mask.map(|mask| compared(xray, mask, flip)).transpose()?;
    let [xray, start, result] = [xray, drr_start, drr_result].map(small);
    Ok(View {
        number,
        edges: [
            PagePicture::new("Edges, before", &overlay(&xray, &start, flip)?)?,
            PagePicture::new("Edges, after", &overlay(&xray, &result, flip)?)?,
        ],
        colors: [
            PagePicture::new("Colors, before", &fused(&xray, &start, flip)?)?,
            PagePicture::new("Colors, after", &fused(&xray, &result, flip)?)?,
        ],
        tiles: [
            PagePicture::new("Tiles, before", &checkerboard(&xray, &start, flip)?)?,
            PagePicture::new("Tiles, after", &checkerboard(&xray, &result, flip)?)?,
        ],
        mixed: PagePicture::new("Half and half, after", &blend(&xray, &result, flip, 0.5)?)?,
        alone: [
            PagePicture::new("X-ray", &display(&xray, flip))?,
            PagePicture::new("DRR at the start", &display(&start, flip))?,
            PagePicture::new("DRR at the result", &display(&result, flip))?,
        ],
        compared: compared
            .map(|picture| PagePicture::new("Pixels compared", &picture))
            .transpose()?,
    })
}

fn branches(features: &NetworkFeatures<'_>) -> Result<Vec<Branch>, ReportError> {
    let branch = |maps: &FeatureMaps| {
        let said = features.scores.and_then(|scores| match maps.branch {
            "global" => Some([scores.global_score, scores.global_gate]),
            "local" => Some([scores.local_score, scores.local_gate]),
            _ => None,
        });
        let said = said.map(|[score, gate]| {
            let (score, gate) = (significant(score, 3), significant(gate, 3));
            format!("score {score}, gate {gate}")
        });
        Ok(Branch {
            name: maps.branch,
            said: said.unwrap_or_default(),
            maps: [
                PagePicture::new("X-ray", &display(&maps.xray, features.flip))?,
                PagePicture::new("DRR", &display(&maps.moving, features.flip))?,
            ],
        })
    };
    features.maps.iter().map(branch).collect()
}

/// An image that does not make the page too large.
fn small(image: &Image) -> Image {
    let side = image.size_px().into_iter().max().unwrap_or(1);
    image.binned(side.div_ceil(LONGEST_SIDE_PX))
}

fn facts(report: &RegistrationReport<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some(errors) = &report.true_errors {
        let (start, now) = (sensible(errors.start_mtre_mm), sensible(errors.mtre_mm));
        facts.push(Fact::new("true error at the targets (mTRE)", format!("{start} → {now} mm")));
    }
    if let Some(probability) = report.probability_within_2mm {
        facts.push(Fact::new("probability of an error below 2 mm", percent(probability)));
    }
    if let Some(bound) = report.error_bound_95_mm {
        facts.push(Fact::new(
            "mean error at the targets (mTRE), 95 % bound",
            format!("{} mm", significant(bound, 2)),
        ));
    }
    facts.push(Fact::new("similarity", fixed(report.similarity, 4)));
    facts.push(Fact::new("time", duration(report.seconds)));
    facts
}

fn optima(rows: &[OptimumRow]) -> Vec<OptimumTexts> {
    let best = rows.iter().map(|row| row.similarity).fold(f64::NEG_INFINITY, f64::max);
    let texts = |(at, row): (usize, &OptimumRow)| {
        let [a, b, c] = row.rotation_deg;
        let [x, y, depth] = row.translation_mm;
        OptimumTexts {
            rank: at + 1,
            similarity: fixed(row.similarity, 4),
            below_best: fixed(best - row.similarity, 4),
            rotation: fixed(a.hypot(b).hypot(c), 2),
            in_plane: fixed(x.hypot(y), 2),
            depth: fixed(depth, 2),
        }
    };
    rows.iter().enumerate().map(texts).collect()
}

fn timings(stages: &[StageSeconds], total: f64) -> Vec<TimingTexts> {
    let known: f64 = stages.iter().map(|stage| stage.seconds).sum();
    let longest = stages.iter().map(|stage| stage.seconds).fold(0.0, f64::max);
    let texts = |name: &str, seconds: f64| TimingTexts {
        name: name.to_owned(),
        seconds: duration(seconds),
        // Of a bar's full width; a CSS number, so without a sign of typography.
        percent: format!("{:.1}", (100.0 * seconds / longest).clamp(0.0, 100.0)),
    };
    let mut rows: Vec<_> = stages.iter().map(|stage| texts(&stage.name, stage.seconds)).collect();
    // What no stage accounts for, if it can be seen.
    if !rows.is_empty() && total - known > 0.005 * total {
        rows.push(texts("everything else", total - known));
    }
    for row in &mut rows {
        // Infinite times have no share.
        if row.percent == "NaN" {
            row.percent = "0".to_owned();
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    //! Proves: a page holds what it should and loads nothing, texts are escaped, odd numbers and
    //! empty lists break nothing, sizes and lengths are checked, equal input gives an equal page.
    use isocenter::radiograph::{ImageFlip, Mask};
    use isocenter::register::BranchScores;

    use super::*;
    use crate::report::page::tests::{HOSTILE, check};
    use crate::report::{LandscapeAxis, TracePoint, TrueErrors};

    fn image() -> Image {
        Image::new([40, 30], (0..1200).map(|i| (i % 40 * (i / 40)) as f32).collect()).unwrap()
    }

    /// A report in which every text is hostile and every number is the given one.
    fn full<'a>(image: &'a Image, mask: &'a Mask, number: f64) -> RegistrationReport<'a> {
        let view = ViewImages {
            xray: image,
            drr_start: image,
            drr_result: image,
            flip: ImageFlip::Columns,
            compared: Some(mask),
        };
        let text = || HOSTILE.to_owned();
        let point = TracePoint {
            stage: HOSTILE,
            longest_side_px: 32,
            candidate: 0,
            iteration: 0,
            similarity: number,
            accepted: true,
            rotation_deg: [number; 3],
            translation_mm: [number; 3],
        };
        RegistrationReport {
            views: vec![view, view],
            verdict: Verdict::Failed,
            probability_within_2mm: Some(number),
            error_bound_95_mm: Some(number),
            reasons: vec![text()],
            remarks: vec![text()],
            similarity: number,
            seconds: number,
            timings: vec![StageSeconds { name: text(), seconds: number }; 2],
            settings: vec![Setting { name: text(), value: text() }],
            true_errors: Some(TrueErrors { start_mtre_mm: number, mtre_mm: number }),
            trace: vec![point, TracePoint { iteration: 1, accepted: false, ..point }],
            landscape: vec![LandscapeAxis {
                name: text(),
                unit: text(),
                offsets: vec![number; 3],
                fine: vec![number; 3],
                coarse: vec![number; 3],
            }],
            optima: vec![
                OptimumRow {
                    similarity: number,
                    rotation_deg: [number; 3],
                    translation_mm: [number; 3],
                };
                2
            ],
            features: None,
        }
    }

    #[test]
    fn a_page_is_whole_and_loads_nothing() {
        let (image, mask) = (image(), Mask::all([40, 30]));
        for number in [0.5, 0.0, -1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e-320] {
            let report = full(&image, &mask, number);
            let page = registration_report(&report).unwrap();
            check(&page);
            assert_eq!(page.matches("<img ").count(), 22);
            assert_eq!(page.matches("<section").count(), page.matches("</section>").count());
            assert_eq!(page, registration_report(&report).unwrap());
        }
        let page = registration_report(&full(&image, &mask, 0.5)).unwrap();
        for said in [Verdict::Failed.headline(), "50 %", "0.500 → 0.500 mm", "X-ray 2 of 2"] {
            assert!(page.contains(said), "{said}");
        }
    }

    #[test]
    fn what_a_network_saw_is_shown() {
        let map = image();
        let of = |branch| FeatureMaps { branch, xray: map.clone(), moving: map.clone() };
        let maps = [of("global"), of("local")];
        let scores = BranchScores {
            global_score: 1.25,
            global_gate: 0.5,
            local_score: f64::NAN,
            local_gate: 0.75,
        };
        let mask = Mask::all([40, 30]);
        let mut report = full(&map, &mask, 0.5);
        report.features =
            Some(NetworkFeatures { maps: &maps, scores: Some(scores), flip: ImageFlip::Rows });
        let page = registration_report(&report).unwrap();
        check(&page);
        assert_eq!(page.matches("<img ").count(), 26);
        assert!(page.contains("score 1.25, gate 0.500") && page.contains("gate 0.750"));
    }

    #[test]
    fn nothing_given_is_nothing_shown() {
        let page = registration_report(&RegistrationReport::default()).unwrap();
        check(&page);
        assert!(page.contains(Verdict::Unjudged.headline()));
        for absent in ["<img", "<table", "<h2", "<svg"] {
            assert!(!page.contains(absent), "{absent}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (image, other, mask) = (image(), Image::zeros([40, 31]), Mask::all([40, 30]));
        let refused = |change: &dyn Fn(&mut RegistrationReport<'_>)| {
            let mut report = full(&image, &mask, 0.5);
            change(&mut report);
            registration_report(&report).unwrap_err().to_string()
        };
        assert_eq!(
            {
                let mut report = full(&image, &mask, 0.5);
                report.views[1].drr_start = &other;
                registration_report(&report).unwrap_err().to_string()
            },
            "X-ray 2: the DRR at the start has 40 x 31 pixels, expected 40 x 30: render it with the \
             camera of the X-ray"
        );
        assert!(refused(&|r| r.landscape[0].fine.clear()).contains("0 values for 3 places"));
        assert!(refused(&|r| r.landscape[0].coarse.truncate(2)).contains("2 values for 3 places"));
        let small = Mask::all([4, 3]);
        let mut report = full(&image, &mask, 0.5);
        report.views[0].compared = Some(&small);
        assert!(matches!(
            registration_report(&report),
            Err(ReportError::Picture { view: 1, source: PictureError::Size { .. } })
        ));
    }

    #[test]
    fn a_long_trace_stays_small() {
        let trace: Vec<_> = (0..10_000)
            .map(|n| TracePoint {
                stage: "search",
                longest_side_px: 32,
                candidate: n % 3,
                iteration: n / 3,
                similarity: (n as f64).sin(),
                accepted: n % 5 != 0,
                rotation_deg: [n as f64; 3],
                translation_mm: [1.0 / n as f64; 3],
            })
            .collect();
        let page =
            registration_report(&RegistrationReport { trace, ..Default::default() }).unwrap();
        assert!(page.len() < 400_000, "{}", page.len());
    }
}
