//! The DRR's edges over the X-ray.

use isocenter::radiograph::{Image, ImageFlip};

use crate::display::windowed;
use crate::edges::edges;
use crate::error::{PictureError, check_size};
use crate::legible::legible;
use crate::panels::side_by_side;
use crate::pen::Coverage;
use crate::rgb::RgbImage;

/// The color of the edges.
const EDGE_COLOR: [u8; 3] = [40, 255, 110];
/// How much of the X-ray an edge hides.
const EDGE_OPACITY: f32 = 0.85;
/// The radius of the line as a fraction of the longest side.
const LINE_RADIUS_PER_SIDE: f32 = 0.0014;
/// A thinner line would lose its color to the grey beneath (px).
const SMALLEST_LINE_RADIUS_PX: f32 = 0.7;

/// The X-ray in grey with the edges of the DRR in green, in the orientation of the X-ray's file.
///
/// # Shapes
/// Both images have one size: the DRR is rendered with the camera of the X-ray.
///
/// # Units
/// Both are attenuation (bone high), each on any scale.
///
/// # Errors
/// If the sizes differ.
pub fn overlay(xray: &Image, drr: &Image, flip: ImageFlip) -> Result<RgbImage, PictureError> {
    check_size("the DRR", drr.size_px(), xray.size_px())?;
    let grey = legible(&windowed(xray)).flipped(flip);
    let mut picture = RgbImage::from_channels([&grey; 3]);
    let radius = LINE_RADIUS_PER_SIDE * picture.size_px()[0].max(picture.size_px()[1]) as f32;
    let mut line = Coverage::new(picture.size_px());
    for [from, to] in edges(&legible(&windowed(drr)).flipped(flip)).segments() {
        line.stroke(from, to, radius.max(SMALLEST_LINE_RADIUS_PX));
    }
    picture.blend(line.values(), EDGE_COLOR, EDGE_OPACITY);
    Ok(picture)
}

/// Two [`overlay`]s of one X-ray side by side, labelled "before" and "after", with a caption below
/// if one is given, such as `mTRE 12.3 mm -> 0.07 mm`.
///
/// # Shapes
/// All three images have one size.
///
/// # Units
/// All are attenuation (bone high), each on any scale.
///
/// # Errors
/// If the sizes differ.
pub fn overlay_before_after(
    xray: &Image,
    drr_before: &Image,
    drr_after: &Image,
    flip: ImageFlip,
    caption: Option<&str>,
) -> Result<RgbImage, PictureError> {
    check_size("the DRR before", drr_before.size_px(), xray.size_px())?;
    check_size("the DRR after", drr_after.size_px(), xray.size_px())?;
    let before = overlay(xray, drr_before, flip)?;
    let after = overlay(xray, drr_after, flip)?;
    side_by_side(&[("before", &before), ("after", &after)], caption)
}

#[cfg(test)]
mod tests {
    //! Proves: pictures stand as the file did, edges lie on what they belong to, the X-ray shows
    //! through, sizes are checked, panels are where they should be and no image breaks them.
    use super::*;

    const FLIPS: [ImageFlip; 4] =
        [ImageFlip::None, ImageFlip::Columns, ImageFlip::Rows, ImageFlip::Both];

    /// A bright square at columns 40..100 and rows 20..80 of 400 x 390.
    fn square_in_file() -> Image {
        let pixels = (0..400 * 390).map(|i| {
            let inside = (40..100).contains(&(i % 400)) && (20..80).contains(&(i / 400));
            if inside { 2.0 } else { 0.5 }
        });
        Image::new([400, 390], pixels.collect()).unwrap()
    }

    fn is_green([red, green, blue]: [u8; 3]) -> bool {
        u16::from(green) > u16::from(red).max(u16::from(blue)) + 40
    }

    #[test]
    fn the_picture_stands_as_the_file_did() {
        for flip in FLIPS {
            // What reading does to make the image as seen from the source.
            let camera_image = square_in_file().flipped(flip);
            let picture = overlay(&camera_image, &camera_image, flip).unwrap();
            assert_eq!(picture.size_px(), [400, 390]);
            assert_eq!(picture.get(70, 50), Some([255; 3]));
            assert_eq!(picture.get(330, 340), Some([0; 3]));
            for row in 0..390 {
                for column in 0..400 {
                    if is_green(picture.get(column, row).unwrap()) {
                        let inside = (42..98).contains(&column) && (22..78).contains(&row);
                        let outside = !(37..103).contains(&column) || !(17..83).contains(&row);
                        assert!(!inside && !outside, "an edge at {column} {row} ({flip})");
                    }
                }
            }
            // The middle of each side is green.
            for (column, row) in [(40, 50), (99, 50), (70, 20), (70, 79)] {
                assert!(is_green(picture.get(column, row).unwrap()), "{column} {row} ({flip})");
            }
        }
    }

    #[test]
    fn the_xray_shows_through_the_edges() {
        let picture = overlay(&square_in_file(), &square_in_file(), ImageFlip::None).unwrap();
        let red_on_an_edge = |column: usize| picture.get(column, 50).unwrap()[0];
        // White beneath the one, black beneath the other.
        assert!(red_on_an_edge(40) > red_on_an_edge(39) + 20);
    }

    #[test]
    fn small_images_are_enlarged_and_edges_stay_in_place() {
        let small = square_in_file().binned(10);
        let picture = overlay(&small, &small, ImageFlip::None).unwrap();
        // 40 x 39 pixels, ten times as large.
        assert_eq!(picture.size_px(), [400, 390]);
        let green: Vec<usize> =
            (0..400).filter(|&column| is_green(picture.get(column, 50).unwrap())).collect();
        // The edges of the square before binning, within a tenth of a binned pixel plus the line.
        assert!(green.iter().all(|&c| c.abs_diff(40) <= 3 || c.abs_diff(100) <= 3), "{green:?}");
        assert!(green.len() >= 2);
    }

    #[test]
    fn before_and_after_stand_side_by_side() {
        let (xray, blank) = (square_in_file(), Image::zeros([400, 390]));
        let picture = overlay_before_after(&xray, &blank, &xray, ImageFlip::None, None).unwrap();
        let [columns, rows] = picture.size_px();
        let green_columns: Vec<usize> = (0..columns)
            .filter(|&column| (0..rows).any(|row| is_green(picture.get(column, row).unwrap())))
            .collect();
        // Edges in the second panel alone; 806 = two panels and the gap.
        assert_eq!(columns, 806);
        assert!(
            !green_columns.is_empty() && green_columns.iter().all(|&c| (440..510).contains(&c))
        );
        let captioned =
            overlay_before_after(&xray, &blank, &xray, ImageFlip::None, Some("mTRE 1 mm")).unwrap();
        // The caption's strip is as high as the labels'.
        assert_eq!(captioned.size_px(), [806, rows + (rows - 390)]);
    }

    #[test]
    fn sizes_that_differ_are_refused() {
        let (image, other) = (Image::zeros([4, 3]), Image::zeros([3, 4]));
        let error = overlay(&image, &other, ImageFlip::None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the DRR has 3 x 4 pixels, expected 4 x 3: render it with the camera of the X-ray"
        );
        for (before, after, name) in [(&other, &image, "before"), (&image, &other, "after")] {
            let error = overlay_before_after(&image, before, after, ImageFlip::None, None);
            assert!(error.unwrap_err().to_string().starts_with(&format!("the DRR {name} has")));
        }
    }

    #[test]
    fn no_image_breaks_it() {
        for size in [[1, 1], [1, 500], [3, 2]] {
            for odd in [0.0, f32::NAN, f32::INFINITY, f32::MIN] {
                let mut image = Image::zeros(size);
                image.pixels_mut()[0] = odd;
                let picture = overlay_before_after(
                    &image,
                    &image,
                    &image,
                    ImageFlip::Both,
                    Some("\u{1F9B4}"),
                );
                assert!(picture.is_ok());
            }
        }
    }
}
