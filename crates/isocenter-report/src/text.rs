//! A line of text on a strip of its own.
//!
//! The dots of a character are joined to strokes: neighbours along a row or a column always,
//! diagonal ones where nothing else joins them. So letters stay smooth at every size.

use crate::font::{COLUMNS, DESCENT, ROWS, glyph};
use crate::pen::Coverage;
use crate::rgb::RgbImage;

/// The color of the text.
const INK: [u8; 3] = [236, 236, 236];
/// The color behind it.
pub(crate) const PAPER: [u8; 3] = [20, 20, 22];

/// From one character to the next, in dots.
const ADVANCE: usize = COLUMNS + 1;
/// Space on each side of the text, in dots.
const MARGIN: usize = 4;
/// The radius of the pen, in dots.
const PEN_RADIUS: f32 = 0.5;
/// Dots are never closer than this (px): letters would run together.
const SMALLEST_DOT_PX: f32 = 1.2;

/// A strip of the given width with a line of text at its left.
///
/// `dot_px` is the wanted distance between the dots of a letter, which sets the strip's height;
/// a text that is too long for the width is set smaller, and cut at the end if that is not enough.
pub(crate) fn text_strip(text: &str, width_px: usize, dot_px: f32) -> RgbImage {
    let height_px = ((ROWS + DESCENT + 2 * MARGIN) as f32 * dot_px).round() as usize;
    let mut strip = RgbImage::filled([width_px, height_px], PAPER);
    let length = text.chars().count() * ADVANCE + 2 * MARGIN;
    let fitting_px = (width_px as f32 / length as f32).min(dot_px).max(SMALLEST_DOT_PX);
    let mut coverage = Coverage::new(strip.size_px());
    // The capitals stand in the middle of the strip's height.
    let top = (height_px as f32 - 1.0 - (ROWS - 1) as f32 * fitting_px) / 2.0;
    let characters_that_fit = width_px / ADVANCE + 1;
    for (index, character) in text.chars().take(characters_that_fit).enumerate() {
        let left = (MARGIN + index * ADVANCE) as f32 * fitting_px;
        draw(character, [left, top], fitting_px, &mut coverage);
    }
    strip.blend(coverage.values(), INK, 1.0);
    strip
}

/// Draws one character with its first dot at `origin`.
fn draw(character: char, origin: [f32; 2], dot_px: f32, coverage: &mut Coverage) {
    let (rows, lowered) = glyph(character);
    let lit = |column: isize, row: isize| {
        (0..COLUMNS as isize).contains(&column)
            && usize::try_from(row)
                .ok()
                .and_then(|row| rows.get(row))
                .is_some_and(|bits| bits >> (COLUMNS as isize - 1 - column) & 1 == 1)
    };
    let at = |column: isize, row: isize| {
        [origin[0] + column as f32 * dot_px, origin[1] + (row + lowered as isize) as f32 * dot_px]
    };
    for row in 0..ROWS as isize {
        for column in (0..COLUMNS as isize).filter(|&column| lit(column, row)) {
            let here = at(column, row);
            coverage.stroke(here, here, PEN_RADIUS * dot_px);
            for (right, down) in [(1, 0), (0, 1), (1, 1), (-1, 1)] {
                let diagonal = right != 0 && down != 0;
                let joined = diagonal && (lit(column + right, row) || lit(column, row + down));
                if lit(column + right, row + down) && !joined {
                    coverage.stroke(here, at(column + right, row + down), PEN_RADIUS * dot_px);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: every letter of a label can be read off the strip, long texts shrink, endless ones
    //! are cut, and no width breaks it.
    use super::*;

    /// Reads the text back: at each place, the one character whose dots are the bright ones.
    fn read(strip: &RgbImage, length: usize, dot_px: f32) -> String {
        let top = (strip.size_px()[1] as f32 - 1.0 - (ROWS - 1) as f32 * dot_px) / 2.0;
        let bright = |index: usize, column: usize, row: usize| {
            let u = ((MARGIN + index * ADVANCE + column) as f32 * dot_px).round() as usize;
            let v = (top + row as f32 * dot_px).round() as usize;
            strip.get(u, v).is_some_and(|[red, _, _]| red > 128)
        };
        let matches = |index: usize, character: char| {
            let (rows, lowered) = glyph(character);
            (0..ROWS + DESCENT).all(|row| {
                let bits = row.checked_sub(lowered).and_then(|r| rows.get(r)).unwrap_or(&0);
                (0..COLUMNS).all(|column| {
                    bright(index, column, row) == (bits >> (COLUMNS - 1 - column) & 1 == 1)
                })
            })
        };
        (0..length).map(|i| (' '..='~').find(|&c| matches(i, c)).unwrap_or('\u{fffd}')).collect()
    }

    #[test]
    fn every_character_can_be_read() {
        let all: String = (' '..='~').collect();
        for dot_px in [2.0, 3.0] {
            let strip = text_strip(&all, 2000, dot_px);
            assert_eq!(read(&strip, 95, dot_px), all);
        }
    }

    #[test]
    fn a_long_text_is_set_smaller() {
        let text = "mTRE 12.3 mm -> 0.07 mm, 6.4 s, verdict: good";
        let width = (text.len() * ADVANCE + 2 * MARGIN) * 2;
        let strip = text_strip(text, width, 5.0);
        assert_eq!(read(&strip, text.len(), 2.0), text);
    }

    #[test]
    fn no_width_breaks_it() {
        for (text, width, dot_px) in [("before", 1, 2.0), ("", 10, 1.5), ("\u{0}é", 3, 0.0)] {
            assert_eq!(text_strip(text, width, dot_px).size_px()[0], width);
        }
        let endless = "x".repeat(1_000_000);
        assert_eq!(text_strip(&endless, 100, 2.0).size_px(), [100, 34]);
    }
}
