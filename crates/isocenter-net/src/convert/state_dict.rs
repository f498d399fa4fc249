//! The tensors of a `.pt` or `.pth` file.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{bf16, f16};
use pytorch_reader::{DType, PytorchError, PytorchReader, Tensor};

use super::error::ConversionError;
use crate::error::NetError;

/// Under which keys training scripts keep the state dict, beside optimisers and epochs.
const CONTAINERS: [&str; 3] = ["state_dict.", "model_state_dict.", "model."];

/// What `DataParallel` puts in front of every name.
const WRAPPER: &str = "module.";

/// Tensors by name. Their numbers are read when they are asked for.
#[derive(Debug, Clone)]
pub struct StateDict {
    pub(super) tensors: BTreeMap<String, Tensor>,
}

impl StateDict {
    /// From a file of `torch.save`: a state dict, one under the key `state_dict`, `model_state_dict`
    /// or `model` (what is beside it is left aside), with or without `module.` in front of all names.
    /// What is no tensor is left aside; nothing of the file is executed.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or holds no tensor; if a tensor says it is larger than
    /// the file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ConversionError> {
        let path = path.as_ref();
        let tensors: BTreeMap<_, _> =
            PytorchReader::new(path)?.into_tensors().into_iter().collect();
        let file_bytes = std::fs::metadata(path).map_err(PytorchError::Io)?.len();
        // A view that repeats one number costs nothing in the file and any amount of memory here.
        let larger = |tensor: &&Tensor| tensor.byte_len() as u64 > file_bytes;
        if let Some(tensor) = tensors.values().find(larger) {
            return Err(ConversionError::LargerThanFile {
                name: tensor.name.clone(),
                shape: tensor.shape().to_vec(),
                bytes: tensor.byte_len(),
                file_bytes,
            });
        }
        match tensors.is_empty() {
            true => Err(ConversionError::Empty),
            false => Ok(Self { tensors: unwrapped(tensors) }),
        }
    }
}

/// Without containers and wrappers.
fn unwrapped(mut tensors: BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    let container = |tensors: &BTreeMap<String, Tensor>| {
        let is_used = |prefix: &&&str| tensors.keys().any(|name| name.starts_with(**prefix));
        CONTAINERS.iter().find(is_used).copied()
    };
    while let Some(prefix) = container(&tensors) {
        tensors = under(tensors, prefix);
    }
    while tensors.keys().all(|name| name.starts_with(WRAPPER)) && !tensors.is_empty() {
        tensors = under(tensors, WRAPPER);
    }
    tensors
}

/// Those with a prefix, without it.
fn under(tensors: BTreeMap<String, Tensor>, prefix: &str) -> BTreeMap<String, Tensor> {
    let under = |(name, tensor): (String, Tensor)| {
        name.strip_prefix(prefix).map(|name| (name.to_owned(), tensor))
    };
    tensors.into_iter().filter_map(under).collect()
}

/// A tensor's numbers, the last dimension fastest; all finite.
pub(super) fn numbers(name: &str, tensor: &Tensor) -> Result<Vec<f32>, ConversionError> {
    let f32_from: fn(&[u8]) -> Vec<f32> = match tensor.dtype() {
        DType::F32 => |bytes: &[u8]| each(bytes, f32::from_ne_bytes),
        DType::F64 => |bytes: &[u8]| each(bytes, |number| f64::from_ne_bytes(number) as f32),
        DType::F16 => |bytes: &[u8]| each(bytes, |number| f16::from_ne_bytes(number).to_f32()),
        DType::BF16 => |bytes: &[u8]| each(bytes, |number| bf16::from_ne_bytes(number).to_f32()),
        found => return Err(ConversionError::Type { name: name.to_owned(), found }),
    };
    let numbers = f32_from(&tensor.read()?);
    match numbers.iter().find(|number| !number.is_finite()) {
        Some(&found) => Err(NetError::WeightNotFinite { path: name.to_owned(), found }.into()),
        None => Ok(numbers),
    }
}

fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<N>();
    numbers.iter().map(|bytes| number(*bytes)).collect()
}

#[cfg(test)]
mod tests {
    //! Proves: numbers of every type and layout are read right, from whatever a training script wraps
    //! them in; what holds no numbers, is no such file, or is damaged anywhere, is refused
    //! (`tools/golden/network/published.py` wrote the fixtures).
    use super::*;
    use std::path::PathBuf;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
    }

    impl StateDict {
        fn numbers(&self, name: &str) -> Result<Vec<f32>, ConversionError> {
            numbers(name, &self.tensors[name])
        }
    }

    #[test]
    fn every_type_and_layout_is_read() {
        let tensors = StateDict::read(fixture("tensors.pt")).unwrap();
        let floats = ["bfloat16", "float16", "float32", "float64", "part", "strided", "transposed"];
        for name in floats {
            let numbers = tensors.numbers(name).unwrap();
            assert_eq!(numbers, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "{name}");
        }
        // Not what lies beside the state dict, and nothing of `module.`.
        let others: Vec<_> =
            tensors.tensors.keys().filter(|name| !floats.contains(&name.as_str())).collect();
        assert_eq!(others, ["huge", "int32"]);
        let error = tensors.numbers("int32").unwrap_err();
        assert!(error.to_string().contains("'int32' holds numbers of type I32"), "{error}");
        let error = tensors.numbers("huge").unwrap_err();
        assert!(error.to_string().contains("'huge' has the value inf"), "{error}");
    }

    #[test]
    fn what_is_no_state_dict_is_refused() {
        let refused = |name: &str| StateDict::read(fixture(name)).unwrap_err();
        let error = refused("expanded.pt");
        assert!(error.to_string().contains("[1000, 1000] would have 4000000 bytes"), "{error}");
        for name in ["complex.pt", "network.json", "absent.pt"] {
            assert!(matches!(refused(name), ConversionError::File(_)), "{name}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none.pt");
        // A pickled empty dictionary.
        std::fs::write(&path, b"\x80\x02}.").unwrap();
        assert!(matches!(StateDict::read(&path), Err(ConversionError::Empty)));
        // A pickled list, and the head of a safetensors file of 128 bytes of JSON.
        for bytes in [&b"\x80\x02]."[..], b"\x80\0\0\0\0\0\0\0{}"] {
            std::fs::write(&path, bytes).unwrap();
            assert!(matches!(StateDict::read(&path), Err(ConversionError::File(_))));
        }
    }

    /// Wherever it is wrong, a file is refused or read, but nothing panics.
    #[test]
    fn damaged_files_do_no_harm() {
        let whole = std::fs::read(fixture("tensors.pt")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("damaged.pt");
        let read_all = |bytes: &[u8]| -> Result<(), ConversionError> {
            std::fs::write(&path, bytes).unwrap();
            let tensors = StateDict::read(&path)?;
            tensors.tensors.iter().try_for_each(|(name, tensor)| numbers(name, tensor).map(drop))
        };
        for length in 0..whole.len() {
            assert!(read_all(&whole[..length]).is_err(), "{length}");
        }
        // Every fifth byte is enough to hit each kind of field, and takes seconds.
        for at in (0..whole.len()).step_by(5) {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                // Not every byte counts.
                let _ = read_all(&bytes);
            }
        }
    }
}
