//! Pictures side by side, with labels and a caption.

use crate::error::{PictureError, check_size};
use crate::rgb::RgbImage;
use crate::text::{PAPER, text_strip};

/// The distance between the dots of a letter as a fraction of a panel's longest side.
const DOT_PER_SIDE: f32 = 1.0 / 256.0;
/// The gap between panels as a fraction of that side.
const GAP_PER_SIDE: f32 = 1.0 / 64.0;

/// Pictures of one size in a row, each under its label, and one line of caption beneath them all.
/// What is not printable ASCII in a text is shown as `?`; a text that is too long is cut.
///
/// # Errors
/// If there is no picture, or the sizes differ.
///
/// # Examples
/// ```
/// use isocenter_report::{RgbImage, side_by_side};
/// let [red, blue] = [[200, 0, 0], [0, 0, 200]].map(|color| RgbImage::filled([512, 512], color));
/// let picture = side_by_side(&[("red", &red), ("blue", &blue)], Some("two panels")).unwrap();
/// assert_eq!(picture.size_px(), [1032, 512 + 2 * 34]);
/// ```
pub fn side_by_side(
    panels: &[(&str, &RgbImage)],
    caption: Option<&str>,
) -> Result<RgbImage, PictureError> {
    let (_, first) = panels.first().ok_or(PictureError::NoPanels)?;
    let [width, height] = first.size_px();
    for (label, panel) in panels {
        check_size(&format!("the picture '{label}'"), panel.size_px(), [width, height])?;
    }
    let side = width.max(height) as f32;
    let (dot_px, gap) = (DOT_PER_SIDE * side, (GAP_PER_SIDE * side).round() as usize);
    let full_width = panels.len() * (width + gap) - gap;
    let caption = caption.map(|text| text_strip(text, full_width, dot_px));
    let labels: Vec<_> = panels.iter().map(|(label, _)| text_strip(label, width, dot_px)).collect();
    // Every label's strip has the height of the first; there is one per panel.
    let top = labels[0].size_px()[1];
    let bottom = caption.as_ref().map_or(0, |strip| strip.size_px()[1]);

    let mut picture = RgbImage::filled([full_width, top + height + bottom], PAPER);
    for (index, ((_, panel), label)) in panels.iter().zip(&labels).enumerate() {
        picture.paste(label, index * (width + gap), 0);
        picture.paste(panel, index * (width + gap), top);
    }
    if let Some(strip) = &caption {
        picture.paste(strip, 0, top + height);
    }
    Ok(picture)
}

#[cfg(test)]
mod tests {
    //! Proves: labels and captions stand where they belong and can be told apart; sizes are checked.
    use super::*;

    fn grey(size_px: [usize; 2]) -> RgbImage {
        RgbImage::filled(size_px, [90; 3])
    }

    /// The part of a picture from (column, row) on, as large as `like`.
    fn part(picture: &RgbImage, column: usize, row: usize, like: &RgbImage) -> RgbImage {
        let mut part = RgbImage::filled(like.size_px(), [0; 3]);
        let bytes: Vec<u8> = (0..like.size_px()[1])
            .flat_map(|v| (0..like.size_px()[0]).map(move |u| (u, v)))
            .flat_map(|(u, v)| picture.get(column + u, row + v).unwrap())
            .collect();
        assert_eq!(bytes.len(), part.pixels().len());
        let width = like.size_px()[0];
        for (at, color) in bytes.as_chunks::<3>().0.iter().enumerate() {
            part.paste(&RgbImage::filled([1, 1], *color), at % width, at / width);
        }
        part
    }

    #[test]
    fn labels_stand_above_and_the_caption_below() {
        let panel = grey([300, 512]);
        let picture =
            side_by_side(&[("before", &panel), ("after", &panel)], Some("mTRE 7.0 mm")).unwrap();
        // What the strips show can be read: see the tests of the text.
        for (column, text) in [(0, "before"), (308, "after")] {
            let label = text_strip(text, 300, 2.0);
            assert_eq!(part(&picture, column, 0, &label), label);
            assert_eq!(part(&picture, column, 34, &panel), panel);
        }
        let caption = text_strip("mTRE 7.0 mm", 608, 2.0);
        assert_eq!(part(&picture, 0, 34 + 512, &caption), caption);
        assert_eq!(picture.get(304, 300), Some(PAPER));
    }

    #[test]
    fn odd_panels_are_refused() {
        assert_eq!(side_by_side(&[], None), Err(PictureError::NoPanels));
        let error = side_by_side(&[("a", &grey([4, 4])), ("b", &grey([4, 5]))], None).unwrap_err();
        assert!(error.to_string().starts_with("the picture 'b' has 4 x 5 pixels, expected 4 x 4"));
    }
}
