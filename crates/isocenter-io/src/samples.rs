//! Numbers as they lie in a file: ten types, two byte orders.

/// The type of a file's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SampleType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

/// The order of a number's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    Little,
    Big,
}

impl SampleType {
    /// Bytes of one number.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// Its name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::U16 => "uint16",
            Self::I16 => "int16",
            Self::U32 => "uint32",
            Self::I32 => "int32",
            Self::U64 => "uint64",
            Self::I64 => "int64",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }

    /// The largest number an integer type holds.
    pub(crate) fn largest_integer(self) -> Option<f64> {
        match self {
            Self::U8 => Some(f64::from(u8::MAX)),
            Self::I8 => Some(f64::from(i8::MAX)),
            Self::U16 => Some(f64::from(u16::MAX)),
            Self::I16 => Some(f64::from(i16::MAX)),
            Self::U32 => Some(f64::from(u32::MAX)),
            Self::I32 => Some(f64::from(i32::MAX)),
            Self::U64 => Some(u64::MAX as f64),
            Self::I64 => Some(i64::MAX as f64),
            Self::F32 | Self::F64 => None,
        }
    }

    /// Decodes whole numbers from the bytes and appends what `convert` makes of them. The way
    /// through f64 is exact for all but integers beyond 2^53.
    pub(crate) fn decode<T>(
        self,
        order: ByteOrder,
        bytes: &[u8],
        out: &mut Vec<T>,
        mut convert: impl FnMut(f64) -> T,
    ) {
        macro_rules! decode {
            ($number:ty) => {{
                let (numbers, _) = bytes.as_chunks::<{ size_of::<$number>() }>();
                match order {
                    ByteOrder::Little => out.extend(
                        numbers.iter().map(|&b| convert(<$number>::from_le_bytes(b) as f64)),
                    ),
                    ByteOrder::Big => out.extend(
                        numbers.iter().map(|&b| convert(<$number>::from_be_bytes(b) as f64)),
                    ),
                }
            }};
        }
        match self {
            Self::U8 => decode!(u8),
            Self::I8 => decode!(i8),
            Self::U16 => decode!(u16),
            Self::I16 => decode!(i16),
            Self::U32 => decode!(u32),
            Self::I32 => decode!(i32),
            Self::U64 => decode!(u64),
            Self::I64 => decode!(i64),
            Self::F32 => decode!(f32),
            Self::F64 => decode!(f64),
        }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: both byte orders, signs, and the extremes of every type decode to their values.
    use super::*;

    #[test]
    fn extremes_decode() {
        macro_rules! check {
            ($kind:ident, $number:ty) => {
                for value in [<$number>::MIN, <$number>::MAX, 3 as $number] {
                    for (order, bytes) in [
                        (ByteOrder::Little, value.to_le_bytes()),
                        (ByteOrder::Big, value.to_be_bytes()),
                    ] {
                        let mut out = Vec::new();
                        SampleType::$kind.decode(order, &bytes, &mut out, |v| v);
                        assert_eq!(out, [value as f64]);
                        assert_eq!(SampleType::$kind.bytes(), bytes.len());
                    }
                }
            };
        }
        check!(U8, u8);
        check!(I8, i8);
        check!(U16, u16);
        check!(I16, i16);
        check!(U32, u32);
        check!(I32, i32);
        check!(U64, u64);
        check!(I64, i64);
        check!(F32, f32);
        check!(F64, f64);
    }
}
