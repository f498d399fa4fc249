//! The dual-branch network by the names that its authors published.
//!
//! | published | here | what it is |
//! |---|---|---|
//! | `_3D_conv.{0,2,4,6,8,10}` | `residual.convolutions.{0,1,2,3,4,5}` | convolution with bias |
//! | `shallowFeatureEncoder.conv_0.conv_{1,2}.conv_1.0` | `encoder.convolutions.{0,1}` | convolution with bias |
//! | `shallowFeatureEncoder.down_{1,2,3,4}.embeddings.patch_embeddings` | `encoder.stages.{0,1,2,3}.patches` | convolution with bias |
//! | `shallowFeatureEncoder.down_{1,2,3,4}.embeddings.norm` | `encoder.stages.{0,1,2,3}.norm` | channel norm |
//! | `shallowFeatureEncoder.down_{1,2,3,4}.block_list.{0,1}.{attention_norm,ffn_norm}` | `encoder.stages.{0,1,2,3}.blocks.{0,1}.{pooling_norm,mlp_norm}` | channel norm |
//! | `shallowFeatureEncoder.down_{1,2,3,4}.block_list.{0,1}.attn.global_layer` | `encoder.stages.{0,1,2,3}.blocks.{0,1}` | pattern |
//! | `shallowFeatureEncoder.down_{1,2,3,4}.block_list.{0,1}.ffn.{fc1,fc2}` | `encoder.stages.{0,1,2,3}.blocks.{0,1}.{widen,narrow}` | convolution with bias |
//! | `encoder_l_{x,d}.conv{1,2}.ffc.{convl2l,convg2l,convl2g}` | `{xray,moving}.global.convolutions.{0,1}.{local_from_local,local_from_global,global_from_local}` | convolution |
//! | `encoder_l_{x,d}.conv{1,2}.ffc.convg2g.{conv1.0,conv2}` | `{xray,moving}.global.convolutions.{0,1}.global_from_global.{narrow,widen}` | convolution |
//! | `encoder_l_{x,d}.conv{1,2}.ffc.convg2g.{fu,lfu}.conv_layer` | `{xray,moving}.global.convolutions.{0,1}.global_from_global.{unit,tile_unit}.convolution` | convolution |
//! | `encoder_l_{x,d}.conv{1,2}.ffc.convg2g.{conv1.1,fu.bn,lfu.bn}` | `{xray,moving}.global.convolutions.{0,1}.global_from_global.{norm,unit.norm,tile_unit.norm}` | batch norm |
//! | `encoder_l_{x,d}.conv{1,2}.{bn_l,bn_g}` | `{xray,moving}.global.convolutions.{0,1}.{local_norm,global_norm}` | batch norm |
//! | `encoder_h_{x,d}.net.{0,1,2}.shffleconv` | `{xray,moving}.local.couplings.{0,1,2}.mixing` | convolution with bias |
//! | `encoder_h_{x,d}.net.{0,1,2}.theta_{phi,rho,eta}.bottleneckBlock.{0,3,5}` | `{xray,moving}.local.couplings.{0,1,2}.{phi,rho,eta}.{widen,depthwise,narrow}` | convolution |
//! | `{baseEstimation,detailEstimation}.fc{1,2}` | `{global,local}.trunk.{0,1}` | linear |
//! | `{baseEstimation,detailEstimation}.fc{3,4,5}` | `{global,local}.score.{0,1,2}` | linear |
//! | `{baseEstimation,detailEstimation}.fc{6,7,8}` | `{global,local}.gate.{0,1,2}` | linear |
//!
//! Names in braces stand for one another in order. The tensors of a module:
//!
//! | what it is | published | here |
//! |---|---|---|
//! | convolution | `weight` [out, in / groups, (depth,) rows, columns], `bias` | the same |
//! | linear | `weight` [out, in], `bias` | `weight` [in, out], `bias` |
//! | pattern: a linear layer from one number | `weight` [rows x columns, 1], `bias` | `pattern` [rows x columns], `pattern_bias` |
//! | channel norm | `weight`, `bias` | `gain.gain`, `gain.offset` |
//! | batch norm | the same, `running_mean`, `running_var`, `num_batches_tracked` | the same, `running_mean`, `running_variance`, nothing |
//!
//! # What is published, and what is not
//! Names, shapes and the order of operations are those of the authors' `net/model.py`, `net/FFC.py`,
//! `net/INN.py` and `net/GlobalPoolformer.py` (<https://github.com/m1nhengChen/cdreg>). There, too,
//! `_x` is of the X-ray and `_d` of the moving image, the low frequencies are `_l` (here `global`)
//! and the high ones `_h` (here `local`). There are no weights there, so that none were tried.
//!
//! Not published, hence inferred or a choice of the user:
//! - what the CT's numbers were, and which of its axes came last: here attenuation over that of water,
//!   the last axis along i. (How bright the moving image is does not matter: the first layer is
//!   normalised.)
//! - how the X-ray was scaled and turned.
//! - the size of the images, of which the tensors tell the product only: square if not said.
//! - which number is descended, and how fine the CT was: [`ConversionOptions`].
//!
//! Widths of the evaluations follow from the shapes and may be others than the published ones;
//! everything else must fit.

use super::ConversionOptions;
use super::error::ConversionError;
use super::names::{Kind, NameTable, rule};
use super::state_dict::StateDict;
use crate::checkpoint::Checkpoint;
use crate::network::config::REDUCTION;
use crate::network::{DualBranchConfig, NetworkConfig, Normalization};
use crate::scene::Descent;
use crate::train::config::check_voxel_spacing;

/// The table of the module's documentation.
#[rustfmt::skip]
const TABLE: NameTable = NameTable {
    network: "cdreg",
    rules: &[
        rule("_3D_conv.{0,2,4,6,8,10}", "residual.convolutions.{0,1,2,3,4,5}", Kind::BiasedConvolution),
        rule("shallowFeatureEncoder.conv_0.conv_{1,2}.conv_1.0", "encoder.convolutions.{0,1}", Kind::BiasedConvolution),
        rule("shallowFeatureEncoder.down_{1,2,3,4}.embeddings.patch_embeddings", "encoder.stages.{0,1,2,3}.patches", Kind::BiasedConvolution),
        rule("shallowFeatureEncoder.down_{1,2,3,4}.embeddings.norm", "encoder.stages.{0,1,2,3}.norm", Kind::ChannelNorm),
        rule("shallowFeatureEncoder.down_{1,2,3,4}.block_list.{0,1}.{attention_norm,ffn_norm}", "encoder.stages.{0,1,2,3}.blocks.{0,1}.{pooling_norm,mlp_norm}", Kind::ChannelNorm),
        rule("shallowFeatureEncoder.down_{1,2,3,4}.block_list.{0,1}.attn.global_layer", "encoder.stages.{0,1,2,3}.blocks.{0,1}", Kind::Pattern),
        rule("shallowFeatureEncoder.down_{1,2,3,4}.block_list.{0,1}.ffn.{fc1,fc2}", "encoder.stages.{0,1,2,3}.blocks.{0,1}.{widen,narrow}", Kind::BiasedConvolution),
        rule("encoder_l_{x,d}.conv{1,2}.ffc.{convl2l,convg2l,convl2g}", "{xray,moving}.global.convolutions.{0,1}.{local_from_local,local_from_global,global_from_local}", Kind::Convolution),
        rule("encoder_l_{x,d}.conv{1,2}.ffc.convg2g.{conv1.0,conv2}", "{xray,moving}.global.convolutions.{0,1}.global_from_global.{narrow,widen}", Kind::Convolution),
        rule("encoder_l_{x,d}.conv{1,2}.ffc.convg2g.{fu,lfu}.conv_layer", "{xray,moving}.global.convolutions.{0,1}.global_from_global.{unit,tile_unit}.convolution", Kind::Convolution),
        rule("encoder_l_{x,d}.conv{1,2}.ffc.convg2g.{conv1.1,fu.bn,lfu.bn}", "{xray,moving}.global.convolutions.{0,1}.global_from_global.{norm,unit.norm,tile_unit.norm}", Kind::BatchNorm),
        rule("encoder_l_{x,d}.conv{1,2}.{bn_l,bn_g}", "{xray,moving}.global.convolutions.{0,1}.{local_norm,global_norm}", Kind::BatchNorm),
        rule("encoder_h_{x,d}.net.{0,1,2}.shffleconv", "{xray,moving}.local.couplings.{0,1,2}.mixing", Kind::BiasedConvolution),
        rule("encoder_h_{x,d}.net.{0,1,2}.theta_{phi,rho,eta}.bottleneckBlock.{0,3,5}", "{xray,moving}.local.couplings.{0,1,2}.{phi,rho,eta}.{widen,depthwise,narrow}", Kind::Convolution),
        rule("{baseEstimation,detailEstimation}.fc{1,2}", "{global,local}.trunk.{0,1}", Kind::Linear),
        rule("{baseEstimation,detailEstimation}.fc{3,4,5}", "{global,local}.score.{0,1,2}", Kind::Linear),
        rule("{baseEstimation,detailEstimation}.fc{6,7,8}", "{global,local}.gate.{0,1,2}", Kind::Linear),
    ],
};

/// A pattern at the resolution of the encoded image.
const MAP: &str = "shallowFeatureEncoder.down_4.block_list.0.attn.global_layer.bias";

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
    let config = NetworkConfig::from(config(&tensors, options.size_px)?);
    let descent = options.descent.unwrap_or(Descent::SigmoidProduct);
    TABLE.checkpoint(tensors, config, descent, options.voxel_spacing_mm)
}

/// The architecture, as the shapes tell it.
fn config(
    tensors: &StateDict,
    size_px: Option<[usize; 2]>,
) -> Result<DualBranchConfig, ConversionError> {
    let published = DualBranchConfig::paper();
    let size_px = match size_px {
        Some(size_px) => size_px,
        None => square_size_px(tensors)?,
    };
    let sized = DualBranchConfig { size_px, ..published };
    sized.check()?;
    // Each layer takes what the one before gives: checked here, since the network that is built from
    // these widths shall not be larger than the file.
    let mut inputs = sized.features();
    let mut outputs_of = |layer: &str| {
        let name = format!("baseEstimation.{layer}.weight");
        match *TABLE.shape(tensors, &name)? {
            [outputs, found] if found == inputs => {
                inputs = outputs;
                Ok(outputs)
            }
            ref found => {
                let expected = vec![found.first().copied().unwrap_or(1), inputs];
                Err(ConversionError::Shape { name, found: found.to_vec(), expected })
            }
        }
    };
    let trunk = vec![outputs_of("fc1")?, outputs_of("fc2")?];
    let head = vec![outputs_of("fc3")?, outputs_of("fc4")?];
    Ok(DualBranchConfig { trunk, head, normalization: Normalization::Batch, ..sized })
}

/// [columns, rows] of square images.
fn square_size_px(tensors: &StateDict) -> Result<[usize; 2], ConversionError> {
    let pixels = TABLE.shape(tensors, MAP)?.iter().product();
    let side = usize::isqrt(pixels);
    match side * side == pixels {
        true => Ok([side * REDUCTION; 2]),
        false => Err(ConversionError::NotSquare { name: MAP.to_owned(), pixels }),
    }
}

#[cfg(test)]
mod tests {
    //! Proves: the table has every weight of the network, once, and is the one of the documentation;
    //! a tensor that is missing, unknown, misshapen or no number is refused by name, shape and what
    //! was expected.
    use super::super::names::documented;
    use super::*;

    #[test]
    fn the_table_is_the_documented_one() {
        assert_eq!(TABLE.rows(), documented(include_str!("cdreg.rs")));
    }

    /// The fixture of `tests/conversion.rs`.
    fn fixture() -> StateDict {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/published.pt");
        StateDict::read(path).unwrap()
    }

    fn refused(tensors: StateDict) -> ConversionError {
        checkpoint(tensors, &ConversionOptions::default()).unwrap_err()
    }

    #[test]
    fn what_is_missing_is_named() {
        let whole = fixture();
        // Those are of no use here, and not in every file.
        let names = whole.tensors.keys().filter(|name| !name.ends_with("num_batches_tracked"));
        for lost in names.step_by(5) {
            let mut tensors = whole.clone();
            tensors.tensors.remove(lost);
            match refused(tensors) {
                ConversionError::Missing { name, .. } => assert_eq!(&name, lost),
                other => panic!("{lost}: {other}"),
            }
        }
    }

    #[test]
    fn what_is_unknown_is_named() {
        let mut tensors = fixture();
        let other = tensors.tensors[MAP].clone();
        tensors.tensors.insert("encoder_l_x.conv1.ffc.gate.weight".to_owned(), other);
        let text = refused(tensors).to_string();
        assert!(text.contains("'encoder_l_x.conv1.ffc.gate.weight' of shape [4]"), "{text}");
    }

    #[test]
    fn what_is_misshapen_is_named_with_what_was_expected() {
        let with = |name: &str, like: &str| {
            let mut tensors = fixture();
            let other = tensors.tensors[like].clone();
            tensors.tensors.insert(name.to_owned(), other);
            refused(tensors).to_string()
        };
        let text = with("encoder_h_d.net.1.shffleconv.weight", "baseEstimation.fc1.weight");
        assert!(text.contains("'encoder_h_d.net.1.shffleconv.weight' has the shape [16, 256]"));
        assert!(text.contains("expected [64, 64, 1, 1]"), "{text}");
        // Where widths come from.
        let text = with("baseEstimation.fc2.weight", "baseEstimation.fc1.weight");
        assert!(text.contains("[16, 256]; expected [16, 16]"), "{text}");
        let text = with("baseEstimation.fc1.weight", MAP);
        assert!(text.contains("[4]; expected [4, 256]"), "{text}");
        // The other evaluation must have the same.
        let text = with("detailEstimation.fc1.weight", "baseEstimation.fc2.weight");
        assert!(text.contains("[8, 16]; expected [16, 256]"), "{text}");
        let text = with(MAP, "baseEstimation.fc2.bias");
        assert!(text.contains("8 pixels") && text.contains("give the size"), "{text}");
    }

    #[test]
    fn options_that_make_no_sense_are_refused() {
        let refused = |change: &dyn Fn(&mut ConversionOptions)| {
            let mut options = ConversionOptions::default();
            change(&mut options);
            checkpoint(fixture(), &options).unwrap_err().to_string()
        };
        let text = refused(&|options| options.voxel_spacing_mm = f64::NAN);
        assert!(text.contains("voxel_spacing_mm is NaN"), "{text}");
        assert!(refused(&|options| options.size_px = Some([33, 32])).contains("size_px"));
        let text = refused(&|options| options.size_px = Some([64, 32]));
        assert!(text.contains("[16, 256]; expected [16, 512]"), "{text}");
    }
}
