//! Charts as inline SVG.
//!
//! Colors are classes that the page's style sheet fills in, for light, dark and paper. Series differ
//! in dash pattern or mark too: color is never all that tells them apart. No identifier is used, so
//! any number of charts fits one page.

mod axis;
mod figure;
pub(crate) mod number;
mod scale;
mod thin;

pub(crate) use axis::Axis;
pub(crate) use figure::{Figure, Legend, Svg};
pub(crate) use scale::Scale;

use std::fmt;

/// How many series have a look of their own; further ones begin again.
pub(crate) const LOOKS: usize = 8;

/// The class of a series' look.
pub(crate) fn look(series: usize) -> String {
    format!("s{}", series % LOOKS)
}

/// A text as it may stand in HTML: markup escaped, control characters replaced.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c if c.is_control() => f.write_str("\u{fffd}")?,
                c => fmt::Write::write_char(f, c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    //! Proves: markup in a text is text.
    use super::*;

    #[test]
    fn markup_is_escaped() {
        let hostile = "<script>alert('1' & \"2\")</script>\0\n";
        assert_eq!(
            Escaped(hostile).to_string(),
            "&lt;script&gt;alert(&#39;1&#39; &amp; &quot;2&quot;)&lt;/script&gt;\u{fffd}\u{fffd}"
        );
    }
}
