//! Burnt-in text: names, dates, technique, side markers that a machine wrote into the pixels.
//!
//! Letters have the lowest or the highest value of the image, edges as sharp as pixels are, and stand
//! in a row with others of their height. Nothing in an X-ray is all of that: what is saturated fades
//! into its surroundings.

use std::collections::BTreeMap;

use crate::parts::parts_over_corners;
use crate::radiograph::{Image, Mask};

/// How near to the extreme value a letter's pixels are, as a part of the range.
const ONE_VALUE: f32 = 0.02;
/// By how much of the range its surroundings differ ...
const JUMP: f32 = 0.25;
/// ... in at least this part of them.
const SHARP: f64 = 0.85;
/// The tallest letters, as a part of the image's longer side.
const TALLEST: f64 = 0.06;
/// The smallest letters (px): smaller ones are noise.
const SHORTEST_PX: usize = 5;
/// So many letters make a word.
const FEWEST: usize = 4;
/// What else of that value there is around a word, as a part of all: dots and commas. Noise has more.
const MOST_SPECKS: f64 = 0.2;
/// More candidates than any page has letters: noise.
const MOST_CANDIDATES: usize = 4000;
/// More of the image than this is no text.
const MOST_OF_IMAGE: f64 = 0.1;
/// What is left out around a letter (px).
const SEAM_PX: usize = 3;

/// A connected part that may be a letter: its box, ends included.
#[derive(Debug, Clone, Copy)]
struct Glyph {
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
    /// Its pixels.
    area: usize,
}

impl Glyph {
    fn height(&self) -> usize {
        self.bottom - self.top + 1
    }

    /// Whether both can be letters of one word.
    fn is_beside(&self, other: &Self) -> bool {
        let (taller, lower) =
            (self.height().max(other.height()), self.height().min(other.height()));
        let overlap = (self.bottom.min(other.bottom) + 1).saturating_sub(self.top.max(other.top));
        let gap = self.left.max(other.left).saturating_sub(self.right.min(other.right));
        taller <= 2 * lower && 2 * overlap >= lower && 2 * gap <= 3 * taller
    }
}

/// The pixels of burnt-in text in an image as it was read; `None` where there is none.
#[must_use]
pub fn text(image: &Image) -> Option<Mask> {
    let size_px = image.size_px();
    let (low, high) = image.range();
    let range = high - low;
    if !range.is_finite() || range <= 0.0 {
        return None;
    }
    let words: Vec<Glyph> =
        [low, high].into_iter().flat_map(|extreme| words(image, extreme, range)).collect();
    let mut used = vec![false; image.pixels().len()];
    for glyph in &words {
        let rows = glyph.top.saturating_sub(SEAM_PX)..=(glyph.bottom + SEAM_PX).min(size_px[1] - 1);
        for row in rows {
            let first = row * size_px[0] + glyph.left.saturating_sub(SEAM_PX);
            let last = row * size_px[0] + (glyph.right + SEAM_PX).min(size_px[0] - 1);
            used[first..=last].fill(true);
        }
    }
    let found = used.iter().filter(|&&text| text).count();
    (found > 0 && found as f64 <= MOST_OF_IMAGE * used.len() as f64)
        .then_some(Mask { size_px, used })
}

/// Makes text illegible: it becomes the median of the pixels that count.
pub(super) fn paint_over(image: &mut Image, text: &Mask, counts: &Mask) {
    let counted = image.pixels().iter().zip(counts.used());
    let mut values: Vec<f32> = counted.filter_map(|(v, used)| used.then_some(*v)).collect();
    let middle = values.len() / 2;
    let Some(_) = values.get(middle) else { return };
    let (_, &mut median, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
    for (pixel, _) in image.pixels_mut().iter_mut().zip(text.used()).filter(|(_, text)| **text) {
        *pixel = median;
    }
}

/// The letters of one value that stand in a row with others.
fn words(image: &Image, extreme: f32, range: f32) -> Vec<Glyph> {
    let near = |pixel: f32, part: f32| (pixel - extreme).abs() <= part * range;
    let set: Vec<bool> = image.pixels().iter().map(|&pixel| near(pixel, ONE_VALUE)).collect();
    let size_px = image.size_px();
    let tallest = (TALLEST * size_px[0].max(size_px[1]) as f64) as usize;
    let glyphs: Vec<Glyph> = parts_over_corners(&set, size_px)
        .iter()
        .filter_map(|part| glyph(part, size_px, tallest))
        .filter(|glyph| sharpness(image, glyph, &set, |pixel| !near(pixel, JUMP)) >= SHARP)
        .take(MOST_CANDIDATES + 1)
        .collect();
    if glyphs.len() > MOST_CANDIDATES {
        return Vec::new();
    }
    in_rows(&glyphs, &set, size_px)
}

/// The box of a part, if it has a letter's size and is not filled as a block.
fn glyph(part: &[usize], [columns, _]: [usize; 2], tallest: usize) -> Option<Glyph> {
    let column = |at: &usize| at % columns;
    let row = |at: &usize| at / columns;
    let glyph = Glyph {
        left: part.iter().map(column).min()?,
        right: part.iter().map(column).max()?,
        top: part.iter().map(row).min()?,
        bottom: part.iter().map(row).max()?,
        area: part.len(),
    };
    let (width, height) = (glyph.right - glyph.left + 1, glyph.height());
    let is_stroke = 3 * width <= height;
    let is_block = 5 * part.len() > 4 * width * height && !is_stroke;
    ((SHORTEST_PX..=tallest).contains(&height) && 2 * width <= 3 * tallest && !is_block)
        .then_some(glyph)
}

/// The part of a letter's surroundings, two pixels from it and in its box, that differ clearly.
fn sharpness(image: &Image, glyph: &Glyph, set: &[bool], differs: impl Fn(f32) -> bool) -> f64 {
    const REACH: usize = 2;
    let [columns, rows] = image.size_px();
    let (mut around, mut sharp) = (0.0_f64, 0.0);
    for row in glyph.top.saturating_sub(REACH)..=(glyph.bottom + REACH).min(rows - 1) {
        for column in glyph.left.saturating_sub(REACH)..=(glyph.right + REACH).min(columns - 1) {
            let inside = |c: usize, r: usize| set[r * columns + c];
            let mut nearest = [false; 2];
            for r in row.saturating_sub(REACH)..=(row + REACH).min(rows - 1) {
                for c in column.saturating_sub(REACH)..=(column + REACH).min(columns - 1) {
                    let far = usize::from(c.abs_diff(column).max(r.abs_diff(row)) > 1);
                    nearest[far] |= inside(c, r);
                }
            }
            // Next to the letter, its edge may be smoothed.
            if nearest == [false, true] {
                around += 1.0;
                let pixel = image.get(column, row).unwrap_or_default();
                sharp += f64::from(u8::from(differs(pixel)));
            }
        }
    }
    if around > 0.0 { sharp / around } else { 0.0 }
}

/// The letters that belong to words.
fn in_rows(glyphs: &[Glyph], set: &[bool], size_px: [usize; 2]) -> Vec<Glyph> {
    let mut group: Vec<usize> = (0..glyphs.len()).collect();
    fn root(group: &[usize], mut at: usize) -> usize {
        while group[at] != at {
            at = group[at];
        }
        at
    }
    for (n, a) in glyphs.iter().enumerate() {
        for (m, b) in glyphs.iter().enumerate().take(n) {
            if a.is_beside(b) {
                let (one, other) = (root(&group, n), root(&group, m));
                group[one.max(other)] = one.min(other);
            }
        }
    }
    let mut words: BTreeMap<usize, Vec<Glyph>> = BTreeMap::new();
    for (n, glyph) in glyphs.iter().enumerate() {
        words.entry(root(&group, n)).or_default().push(*glyph);
    }
    let is_word = |word: &Vec<Glyph>| word.len() >= FEWEST && is_clean(word, set, size_px);
    words.into_values().filter(is_word).flatten().collect()
}

/// Whether there is little else of the letters' value around a word.
fn is_clean(word: &[Glyph], set: &[bool], [columns, rows]: [usize; 2]) -> bool {
    let border = word.iter().map(Glyph::height).max().unwrap_or(0);
    let least =
        |f: fn(&Glyph) -> usize| word.iter().map(f).min().unwrap_or(0).saturating_sub(border);
    let most = |f: fn(&Glyph) -> usize, sides: usize| {
        (word.iter().map(f).max().unwrap_or(0) + border).min(sides - 1)
    };
    let (left, right) = (least(|g| g.left), most(|g| g.right, columns));
    let (top, bottom) = (least(|g| g.top), most(|g| g.bottom, rows));
    let lines = (top..=bottom).map(|row| &set[row * columns + left..=row * columns + right]);
    let all: usize = lines.map(|line| line.iter().filter(|&&set| set).count()).sum();
    let letters: usize = word.iter().map(|glyph| glyph.area).sum();
    letters as f64 >= (1.0 - MOST_SPECKS) * all as f64
}
