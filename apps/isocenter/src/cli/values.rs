//! Values as they are written on the command line, and what is wrong with others.

use isocenter::geometry::conversion::Orientation;
#[cfg(feature = "network")]
use isocenter_net::scene::Descent;
use nalgebra::Vector3;

/// A length above 0 (mm).
pub(super) fn length_mm(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(length) if length.is_finite() && length > 0.0 => Ok(length),
        _ => Err(format!("'{text}' is not a length: write a positive number of mm, such as 700")),
    }
}

/// Three comma-separated numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PointArg(pub(crate) Vector3<f64>);

impl std::str::FromStr for PointArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Option<Vec<f64>> = text
            .split(',')
            .map(|n| n.trim().parse().ok().filter(|n: &f64| n.is_finite()))
            .collect();
        match numbers.as_deref() {
            Some(&[x, y, z]) => Ok(Self(Vector3::new(x, y, z))),
            _ => Err(format!("'{text}' is not a point: write X,Y,Z in mm, such as 10,-25.5,130")),
        }
    }
}

/// The number of a frame, from 1.
pub(super) fn frame(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("'{text}' is not a frame: write a whole number from 1 on")),
        Ok(frame) => Ok(frame),
    }
}

/// The size of a pixel (mm): one length, or two, column and row.
pub(super) fn spacing_mm(text: &str) -> Result<[f64; 2], String> {
    let both = text.split_once(',').unwrap_or((text, text));
    let wrong =
        || format!("'{text}' is not the size of a pixel: write MM or COLUMN,ROW, such as 0.3");
    let length = |text: &str| length_mm(text.trim()).map_err(|_| wrong());
    Ok([length(both.0)?, length(both.1)?])
}

/// A place in an image (px): column, row.
pub(super) fn position_px(text: &str) -> Result<[f64; 2], String> {
    let number = |text: &str| text.trim().parse().ok().filter(|n: &f64| n.is_finite());
    text.split_once(',')
        .and_then(|(column, row)| Some([number(column)?, number(row)?]))
        .ok_or_else(|| format!("'{text}' is not a position: write COLUMN,ROW, such as 511.5,511.5"))
}

/// The size of an image (px): columns, rows.
pub(super) fn size_px(text: &str) -> Result<[usize; 2], String> {
    let side = |text: &str| text.trim().parse().ok().filter(|&n: &usize| n > 0);
    text.split_once(',')
        .and_then(|(columns, rows)| Some([side(columns)?, side(rows)?]))
        .ok_or_else(|| format!("'{text}' is not a size: write COLUMNS,ROWS, such as 1024,1024"))
}

/// An orientation of other programs.
pub(super) fn orientation(text: &str) -> Result<Orientation, String> {
    match text {
        "ap" => Ok(Orientation::Ap),
        "pa" => Ok(Orientation::Pa),
        _ => Err(format!("'{text}' is not an orientation: write ap or pa")),
    }
}

/// What a network's descent goes down.
#[cfg(feature = "network")]
pub(super) fn descent(text: &str) -> Result<Descent, String> {
    match text {
        "sigmoid-product" => Ok(Descent::SigmoidProduct),
        "sum" => Ok(Descent::Sum),
        _ => Err(format!("'{text}' is nothing to descend: write sigmoid-product or sum")),
    }
}

#[cfg(test)]
mod tests {
    //! Proves: what is written is read, and what makes no sense is refused.
    use super::*;

    #[test]
    fn points_are_parsed() {
        assert_eq!("1,-2.5, 3".parse::<PointArg>(), Ok(PointArg(Vector3::new(1.0, -2.5, 3.0))));
        assert!("1,2".parse::<PointArg>().is_err());
        assert!("1,2,nan".parse::<PointArg>().is_err());
    }

    #[test]
    fn lengths_and_pixels_are_parsed() {
        assert_eq!(length_mm("700.5"), Ok(700.5));
        for wrong in ["0", "-3", "inf", "nan", "x", ""] {
            assert!(length_mm(wrong).is_err() && spacing_mm(wrong).is_err(), "{wrong}");
        }
        assert_eq!(spacing_mm("0.3"), Ok([0.3, 0.3]));
        assert_eq!(spacing_mm("0.3, 0.4"), Ok([0.3, 0.4]));
        assert!(spacing_mm("0.3,0.4,0.5").is_err() && spacing_mm("0.3,0").is_err());
        assert_eq!(position_px("-1.5,7"), Ok([-1.5, 7.0]));
        assert!(position_px("7").is_err() && position_px("1,inf").is_err());
        assert_eq!(size_px("640,480"), Ok([640, 480]));
        assert!(size_px("640,0").is_err() && size_px("640").is_err() && size_px("-1,2").is_err());
        assert_eq!(frame("2"), Ok(2));
        assert!(frame("0").is_err() && frame("-1").is_err() && frame("1.5").is_err());
    }
}
