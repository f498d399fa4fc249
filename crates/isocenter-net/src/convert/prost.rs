//! The baseline by the names that its authors published.
//!
//! | published | here | what it is |
//! |---|---|---|
//! | `_3D_conv.{0,2,4,6,8}` | `residual.convolutions.{0,1,2,3,4}` | convolution with bias |
//! | `_2Dconv_encode_{x,y}.{0,4,8}` | `{moving,xray}.stages.{0,1,2}.convolution` | convolution with bias |
//! | `_2Dconv_encode_{x,y}.{2,6,10}.conv{1,2,3}` | `{moving,xray}.stages.{0,1,2}.bottleneck.convolutions.{0,1,2}` | convolution |
//! | `_2Dconv_encode_{x,y}.{2,6,10}.bn{1,2,3}` | `{moving,xray}.stages.{0,1,2}.bottleneck.norms.{0,1,2}` | batch norm |
//! | `_2Dconv_encode_{x,y}.12` | `{moving,xray}.last` | convolution with bias |
//!
//! Names in braces stand for one another in order; what a module holds is in [`cdreg`](super::cdreg).
//!
//! # What is published, and what is not
//! Names, shapes and the order of operations are those of the authors' `src/module.py`
//! (<https://github.com/gaocong13/Projective-Spatial-Transformers>). There `_x` is of the moving image
//! and `_y` of the X-ray. No tensor tells the size of the images: 128 x 128, as published, if not said.
//! What the CT's numbers were is not published with the weights, nor how bright the moving image is:
//! a network that is converted may have to be trained on.

use super::ConversionOptions;
use super::error::ConversionError;
use super::names::{Kind, NameTable, rule};
use super::state_dict::StateDict;
use crate::checkpoint::Checkpoint;
use crate::network::{NetworkConfig, ProstConfig};
use crate::scene::Descent;
use crate::train::config::check_voxel_spacing;

/// The table of the module's documentation.
#[rustfmt::skip]
const TABLE: NameTable = NameTable {
    network: "ProST",
    rules: &[
        rule("_3D_conv.{0,2,4,6,8}", "residual.convolutions.{0,1,2,3,4}", Kind::BiasedConvolution),
        rule("_2Dconv_encode_{x,y}.{0,4,8}", "{moving,xray}.stages.{0,1,2}.convolution", Kind::BiasedConvolution),
        rule("_2Dconv_encode_{x,y}.{2,6,10}.conv{1,2,3}", "{moving,xray}.stages.{0,1,2}.bottleneck.convolutions.{0,1,2}", Kind::Convolution),
        rule("_2Dconv_encode_{x,y}.{2,6,10}.bn{1,2,3}", "{moving,xray}.stages.{0,1,2}.bottleneck.norms.{0,1,2}", Kind::BatchNorm),
        rule("_2Dconv_encode_{x,y}.12", "{moving,xray}.last", Kind::BiasedConvolution),
    ],
};

/// Whether the tensors have these names.
#[must_use]
pub fn is_prost(tensors: &StateDict) -> bool {
    tensors.tensors.keys().any(|name| name.starts_with("_2Dconv_encode_"))
}

/// The checkpoint of a network with these weights.
///
/// # Errors
/// If a tensor is missing, unknown, of another shape, of integers, or not finite; if the options make
/// no sense.
pub fn checkpoint(
    tensors: StateDict,
    options: &ConversionOptions,
) -> Result<Checkpoint, ConversionError> {
    check_voxel_spacing(options.voxel_spacing_mm)?;
    let published = ProstConfig::published();
    let size_px = options.size_px.unwrap_or(published.size_px);
    let config = NetworkConfig::from(ProstConfig { size_px, ..published });
    config.check()?;
    let descent = options.descent.unwrap_or(Descent::Sum);
    descent.check(&config)?;
    TABLE.checkpoint(tensors, config, descent, options.voxel_spacing_mm)
}

#[cfg(test)]
mod tests {
    //! Proves: the table is the one of the documentation; what is missing is named.
    use super::super::names::documented;
    use super::*;

    #[test]
    fn the_table_is_the_documented_one() {
        assert_eq!(TABLE.rows(), documented(include_str!("prost.rs")));
    }

    #[test]
    fn what_is_missing_is_named() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/prost.pt");
        let mut tensors = StateDict::read(path).unwrap();
        assert!(is_prost(&tensors));
        tensors.tensors.remove("_2Dconv_encode_y.6.bn2.running_var");
        let text = checkpoint(tensors, &ConversionOptions::default()).unwrap_err().to_string();
        assert!(text.contains("'_2Dconv_encode_y.6.bn2.running_var'") && text.contains("ProST"));
        let descent = Some(Descent::SigmoidProduct);
        let options = ConversionOptions { descent, ..ConversionOptions::default() };
        let error = checkpoint(StateDict::read(path).unwrap(), &options).unwrap_err();
        assert!(error.to_string().contains("single output"), "{error}");
    }
}
