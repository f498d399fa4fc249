//! What the pages have in common.

use crate::chart::number::sensible;
use crate::data_url::png_data_url;
use crate::report::error::ReportError;
use crate::rgb::RgbImage;

/// A picture in a page.
pub(crate) struct PagePicture {
    /// What is written below it.
    pub(crate) caption: String,
    /// The picture, as a `data:` URL.
    pub(crate) url: String,
    /// Columns (px).
    pub(crate) width: usize,
    /// Rows (px).
    pub(crate) height: usize,
}

impl PagePicture {
    pub(crate) fn new(caption: &str, picture: &RgbImage) -> Result<Self, ReportError> {
        let [width, height] = picture.size_px();
        Ok(Self { caption: caption.to_owned(), url: png_data_url(picture)?, width, height })
    }
}

/// A number that a page puts forward.
pub(crate) struct Fact {
    /// What it is.
    pub(crate) name: &'static str,
    /// Its value with the unit.
    pub(crate) value: String,
}

impl Fact {
    pub(crate) fn new(name: &'static str, value: String) -> Self {
        Self { name, value }
    }
}

/// A length of time.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 0.9995 => format!("{} ms", sensible(1000.0 * s)),
        s if s < 600.0 || !s.is_finite() => format!("{} s", sensible(s)),
        s => format!("{} min", sensible(s / 60.0)),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    //! Proves: times have a fitting unit. Checks what holds for every page.
    use super::*;

    /// A text that would break out of a page that does not escape it.
    pub(crate) const HOSTILE: &str = "</td></title><script>alert(\"1\")</script>'&";

    /// That a page is closed, loads nothing, runs nothing but its own script, and shows no number
    /// that is none.
    pub(crate) fn check(page: &str) {
        assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
        for reference in ["http:", "https:", "url(", "href", "@import", "<link", "<iframe"] {
            assert!(!page.contains(reference), "{reference}");
        }
        for source in page.split(" src").skip(1) {
            assert!(source.starts_with("=\"data:image/png;base64,"), "{source:.40}");
        }
        assert!(page.matches("<script").count() <= 1, "a text has become a script");
        assert!(!page.contains("alert(\"") && !page.contains("'&<"));
        let shown = page.split("base64,").map(|part| {
            // What follows a picture's digits.
            part.split_once('"').map_or(part, |(_, rest)| rest)
        });
        for part in shown {
            assert!(!part.contains("NaN") && !part.contains(">inf") && !part.contains("=\"inf"));
        }
    }

    #[test]
    fn times_have_a_fitting_unit() {
        for (seconds, expected) in [
            (0.0, "0 ms"),
            (0.0321, "32.1 ms"),
            (1.0, "1.00 s"),
            (599.0, "599 s"),
            (1200.0, "20.0 min"),
            (f64::NAN, "– s"),
            (f64::INFINITY, "∞ s"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
    }
}
