//! The 348 bytes of a NIfTI-1 header.

use nifti::{Endianness, NiftiHeader};

use super::NiftiError;
use super::orientation::{self, Qform};
use crate::error::FileProblem;
use crate::open::Stream;
use crate::samples::{ByteOrder, SampleType};
use crate::voxels::Layout;
use isocenter::volume::Affine;

/// Length of the header proper.
const HEADER_BYTES: usize = 348;

/// Where voxels start in the files written here: header and four zeros, "no extension follows".
const WRITTEN_OFFSET: usize = 352;

/// The most voxels along a side: the header counts with i16.
const MAX_SIDE: i32 = i16::MAX as i32;

/// What the voxels after the header are.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    /// Voxels along each dimension, at least one dimension.
    pub(crate) dims: Vec<usize>,
    /// How the numbers lie in the file.
    pub(crate) layout: Layout,
    /// Where they start.
    voxel_offset: u64,
    raw: NiftiHeader,
}

impl Header {
    /// Reads the header from the start of a file.
    pub(crate) fn read(stream: &mut Stream) -> Result<Self, FileProblem> {
        let mut bytes = [0; HEADER_BYTES];
        let found = stream.fill(&mut bytes)?;
        // The first four bytes, the header's length, tell NIfTI-2 from a file of another format.
        if found >= 4
            && (bytes.starts_with(&[0x1c, 2, 0, 0]) || bytes.starts_with(&[0, 0, 2, 0x1c]))
        {
            return Err(NiftiError::Version2.into());
        }
        if found < HEADER_BYTES {
            let expected = HEADER_BYTES as u64;
            return Err(FileProblem::Truncated { found: found as u64, expected });
        }
        match &bytes[344..] {
            b"n+1\0" => {}
            b"ni1\0" => return Err(NiftiError::Pair.into()),
            _ => return Err(NiftiError::NotNifti.into()),
        }
        let raw = NiftiHeader::from_reader(&bytes[..]).map_err(|_| NiftiError::NotNifti)?;
        Ok(Self {
            dims: dims(&raw)?,
            layout: Layout {
                sample_type: sample_type(raw.datatype)?,
                byte_order: match raw.endianness {
                    Endianness::Little => ByteOrder::Little,
                    Endianness::Big => ByteOrder::Big,
                },
                scaling: scaling(raw.scl_slope, raw.scl_inter)?,
            },
            voxel_offset: voxel_offset(raw.vox_offset)?,
            raw,
        })
    }

    /// Where the voxels lie in the world (LPS, mm).
    pub(crate) fn world_from_index(&self) -> Result<Affine, FileProblem> {
        orientation::world_from_index(&self.raw)
    }

    /// Passes over what lies between the header and the first of `count` voxels.
    pub(crate) fn skip_to_voxels(
        &self,
        stream: &mut Stream,
        count: usize,
    ) -> Result<(), FileProblem> {
        let gap = self.voxel_offset - HEADER_BYTES as u64;
        if stream.skip(gap)? < gap {
            return Err(FileProblem::Truncated { found: 0, expected: self.layout.bytes(count) });
        }
        Ok(())
    }
}

fn dims(raw: &NiftiHeader) -> Result<Vec<usize>, NiftiError> {
    let count = raw.dim[0];
    if !(1..=7).contains(&count) {
        let value = i32::from(count.cast_signed());
        return Err(NiftiError::Dimension { index: 0, value, least: 1, most: 7 });
    }
    raw.dim
        .iter()
        .enumerate()
        .skip(1)
        .take(usize::from(count))
        .map(|(index, n)| {
            let value = i32::from(n.cast_signed());
            usize::try_from(value).ok().filter(|&n| n > 0).ok_or(NiftiError::Dimension {
                index,
                value,
                least: 1,
                most: MAX_SIDE,
            })
        })
        .collect()
}

/// The codes of `datatype`; `bitpix`, which only repeats them, is ignored.
const CODES: [(i16, SampleType); 10] = [
    (2, SampleType::U8),
    (4, SampleType::I16),
    (8, SampleType::I32),
    (16, SampleType::F32),
    (64, SampleType::F64),
    (256, SampleType::I8),
    (512, SampleType::U16),
    (768, SampleType::U32),
    (1024, SampleType::I64),
    (1280, SampleType::U64),
];

fn sample_type(code: i16) -> Result<SampleType, NiftiError> {
    let known = CODES.iter().find(|(c, _)| *c == code);
    known.map(|&(_, kind)| kind).ok_or(NiftiError::DataType { code })
}

fn code(sample_type: SampleType) -> i16 {
    CODES.iter().find(|(_, kind)| *kind == sample_type).map_or(0, |&(code, _)| code)
}

fn voxel_offset(value: f32) -> Result<u64, NiftiError> {
    // Some writers leave 0 and mean "right after the header and its four zeros".
    if value == 0.0 {
        return Ok(WRITTEN_OFFSET as u64);
    }
    // A float beyond this would not count single bytes any more.
    const MOST: f32 = (1_u32 << 24) as f32;
    if value.fract() != 0.0 || !(HEADER_BYTES as f32..=MOST).contains(&value) {
        return Err(NiftiError::VoxelOffset { value });
    }
    Ok(value as u64)
}

fn scaling(slope: f32, intercept: f32) -> Result<Option<(f64, f64)>, NiftiError> {
    if slope == 0.0 || !slope.is_finite() || (slope, intercept) == (1.0, 0.0) {
        return Ok(None);
    }
    if !intercept.is_finite() {
        return Err(NiftiError::Intercept { value: intercept });
    }
    Ok(Some((f64::from(slope), f64::from(intercept))))
}

/// The header of a file to write, little-endian, with the four zeros that follow it. All free text
/// stays empty.
pub(crate) fn encode(
    dims: [usize; 3],
    sample_type: SampleType,
    world_from_index: &Affine,
) -> Result<[u8; WRITTEN_OFFSET], FileProblem> {
    let mut bytes = [0; WRITTEN_OFFSET];
    // Offsets are those of the fields of `nifti1.h`; all lie within the array.
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    put(0, &(HEADER_BYTES as i32).to_le_bytes()); // sizeof_hdr
    put(38, b"r"); // regular
    put(40, &3_i16.to_le_bytes()); // dim[0]
    for (index, n) in (1..).zip(dims.into_iter().chain([1; 4])) {
        let most = MAX_SIDE;
        let value = i32::try_from(n).unwrap_or(i32::MAX);
        let side =
            i16::try_from(n).map_err(|_| NiftiError::Dimension { index, value, least: 1, most })?;
        put(40 + 2 * index, &side.to_le_bytes());
    }
    put(70, &code(sample_type).to_le_bytes()); // datatype
    put(72, &(8 * sample_type.bytes() as i16).to_le_bytes()); // bitpix
    let (sform, spacing_mm, qform) = orientation::encode(world_from_index);
    let qfac = qform.map_or(1.0, |q| q.qfac);
    for (at, value) in (76..).step_by(4).zip([qfac, spacing_mm[0], spacing_mm[1], spacing_mm[2]]) {
        put(at, &value.to_le_bytes()); // pixdim
    }
    put(108, &(WRITTEN_OFFSET as f32).to_le_bytes()); // vox_offset
    put(112, &1_f32.to_le_bytes()); // scl_slope
    put(123, &[2]); // xyzt_units: mm
    put(254, &1_i16.to_le_bytes()); // sform_code: scanner
    if let Some(Qform { quaternion_bcd, offset, .. }) = qform {
        put(252, &1_i16.to_le_bytes()); // qform_code: scanner
        for (at, value) in (256..).step_by(4).zip(quaternion_bcd.into_iter().chain(offset)) {
            put(at, &value.to_le_bytes()); // quatern_b to qoffset_z
        }
    }
    for (at, value) in (280..).step_by(4).zip(sform.into_iter().flatten()) {
        put(at, &value.to_le_bytes()); // srow_x, srow_y, srow_z
    }
    put(344, b"n+1\0"); // magic
    Ok(bytes)
}
